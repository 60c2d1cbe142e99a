import { readFileSync } from 'node:fs'
import { TidemarkError } from '../../errors.ts'
import { SqlSet, type RunSql } from '../../exchange/index.ts'

/** `duckdb:FILE#WHAT` or `postgres://…#WHAT`, where WHAT is TABLE.COLUMN or a query with a column `item` of bytes. */
const form = /^(duckdb:|postgres(?:ql)?:\/\/)([^#]*)#(.+)$/s

export function isSqlSource(name: string): boolean {
  return form.test(name)
}

interface SqlSource {
  readonly set: SqlSet
  readonly close: () => Promise<void>
}

export async function openSqlSource(name: string): Promise<SqlSource> {
  const [, scheme = '', place = '', what = ''] = form.exec(name) ?? []
  if (scheme === 'duckdb:') return openDuckDb(place, what)
  return openPostgres(`${scheme}${place}`, what)
}

async function openDuckDb(path: string, what: string): Promise<SqlSource> {
  const { DuckDBInstance } = await engine('@duckdb/node-api', () => import('@duckdb/node-api'))
  const opening =
    path === ''
      ? DuckDBInstance.create(':memory:')
      : DuckDBInstance.create(path, { access_mode: 'READ_ONLY' })
  const instance = await opening.catch((error: unknown) => refused(error))
  const connection = await instance.connect()
  const run: RunSql = async (query) =>
    (await connection.runAndReadAll(query).catch((error: unknown) => refused(error))).getRowObjects()
  const items = itemsQuery(what, (column) => `encode(CAST(${column} AS VARCHAR))`)
  return {
    set: new SqlSet(template('duckdb'), items, run),
    close: async () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function openPostgres(url: string, what: string): Promise<SqlSource> {
  const { default: pg } = await engine('pg', () => import('pg'))
  const client = new pg.Client(url)
  await client.connect().catch((error: unknown) => refused(error))
  const run: RunSql = async (query) =>
    (await client.query<Record<string, unknown>>(query).catch((error: unknown) => refused(error))).rows
  const items = itemsQuery(what, (column) => `convert_to(CAST(${column} AS text), 'UTF8')`)
  return { set: new SqlSet(template('postgresql'), items, run), close: () => client.end() }
}

/** The engines are no dependencies of Tidemark: whoever has such tables has them. */
async function engine<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    throw new TidemarkError('unsupported', `This needs the package ${name}: npm install ${name}`, {
      cause: error,
    })
  }
}

function refused(error: unknown): never {
  throw new TidemarkError('failed', error instanceof Error ? error.message : String(error), { cause: error })
}

function itemsQuery(what: string, bytesOf: (column: string) => string): string {
  if (/^\s*(select|with|values)\b/i.test(what)) return what
  const [, table, column] = /^((?:\w+\.)?\w+)\.(\w+)$/.exec(what) ?? []
  if (table === undefined || column === undefined) {
    throw new TidemarkError('usage', `${what}: neither TABLE.COLUMN nor a query`)
  }
  return `SELECT ${bytesOf(`"${column}"`)} AS item FROM ${table.replace(/\w+/g, '"$&"')} WHERE "${column}" IS NOT NULL`
}

function template(engine: string): string {
  return readFileSync(new URL(`../../../sql/${engine}.sql`, import.meta.url), 'utf8')
}
