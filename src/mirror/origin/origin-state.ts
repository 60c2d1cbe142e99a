import { existsSync, rmSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { nameFromBytes, nameToBytes, type Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { epochOfMicroseconds, type RecentEvent } from '../../recent/index.ts'
import { displayPath } from '../../folder/system/paths.ts'
import { fromDatabase, isBusyDatabase, isDamagedDatabase } from '../../store/database-error.ts'
import { sqlite } from '../../store/sqlite.ts'
import type { Noted } from './origin-options.ts'

/** What tells whether a file is as it was: of no use once any of it differs. */
export interface Stamp {
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  /** 0 when the file must be looked at again whatever the others say. */
  readonly ctimeNs: bigint
}

/** An entry that the index lists. */
export interface Listed {
  readonly name: Name
  /** As the index has it; undefined where a Perl program has listed it. */
  readonly detail: string | undefined
  /** Microseconds; for entries without a detail, whose change only their time can tell. */
  readonly epoch: bigint
  /** Of what has that detail; undefined when that is not known. */
  readonly stamp: Stamp | undefined
}

const schema = 1
const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE entry (
    directory BLOB NOT NULL, name BLOB NOT NULL, detail TEXT, epoch INTEGER NOT NULL, import INTEGER NOT NULL,
    ino INTEGER, size INTEGER, mtime INTEGER, ctime INTEGER, gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (directory, name)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${schema};
`

/**
 * What is remembered of a published tree, in a database: what the index lists, and with it what the files were
 * like, so that unchanged ones are not read again. It is a cache of both: lost, damaged or stale, it is made anew
 * from the index and the files. Held open it is also the lock that keeps a second publisher away.
 */
export class OriginState {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  readonly #path: string

  private constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
  }

  /** Opens the state in the file `path`; throws `busy` while another process has it open. */
  static open(path: string): OriginState {
    try {
      return OriginState.#open(path)
    } catch (error) {
      if (!isDamagedDatabase(error)) throw stateError(error, path)
      for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true })
      return OriginState.#open(path)
    }
  }

  static #open(path: string): OriginState {
    const fresh = !existsSync(path)
    const database = new (sqlite().DatabaseSync)(path, { readBigInts: true, timeout: 0 })
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
      database.exec('BEGIN IMMEDIATE')
      const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
      if (version !== schema) {
        if (!fresh) database.exec('DROP TABLE IF EXISTS entry; DROP TABLE IF EXISTS meta')
        database.exec(tables)
      }
      database.exec('COMMIT')
      return new OriginState(database, path)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** Runs `work` so that all of it is remembered, or nothing. */
  transaction<T>(work: () => T): T {
    this.#call(() => this.#database.exec('BEGIN'))
    try {
      const result = work()
      this.#call(() => this.#database.exec('COMMIT'))
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  get(key: string): string | undefined {
    const value = this.#get('SELECT value FROM meta WHERE key = ?', key)?.['value']
    return typeof value === 'string' ? value : undefined
  }

  set(key: string, value: string | undefined): void {
    if (value === undefined) this.#run('DELETE FROM meta WHERE key = ?', key)
    else
      this.#run('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value', key, value)
  }

  /** What is listed at `path`. */
  find(path: Name): Listed | undefined {
    const row = this.#get(`SELECT ${columns} FROM entry WHERE directory = ? AND name = ?`, ...keyOf(path))
    return row && listedOf(row)
  }

  /** What is listed in a directory itself, in the order of names. */
  inDirectory(directory: Name): Listed[] {
    const rows = this.#all(`SELECT ${columns} FROM entry WHERE directory = ?`, nameToBytes(directory))
    return rows.map(listedOf)
  }

  /** The paths of what is listed below a directory, at any depth. */
  below(directory: Name): Name[] {
    const [from, to] = rangeBelow(directory)
    const own = nameToBytes(directory)
    const sql = 'SELECT directory, name FROM entry WHERE directory = ? OR (directory > ? AND directory < ?)'
    return this.#all(sql, own, from, to).map(pathOf)
  }

  hasBelow(directory: Name): boolean {
    const [from, to] = rangeBelow(directory)
    const sql = 'SELECT 1 FROM entry WHERE directory = ? OR (directory > ? AND directory < ?) LIMIT 1'
    return this.#get(sql, nameToBytes(directory), from, to) !== undefined
  }

  /** Every directory that something is listed in. */
  directories(): Name[] {
    return this.#all('SELECT DISTINCT directory FROM entry').map((row) => nameOf(row['directory']))
  }

  /** Everything listed, newest epoch first, when `assignEpochs` has given the epochs. */
  *newestFirst(): Generator<RecentEvent> {
    const statement = this.#prepare('SELECT directory, name, detail, epoch FROM entry ORDER BY epoch DESC')
    for (const row of statement.iterate()) yield eventOf(row)
  }

  /** The first or the last of these. */
  edge(which: 'newest' | 'oldest'): RecentEvent | undefined {
    const order = which === 'newest' ? 'DESC' : 'ASC'
    const row = this.#get(`SELECT directory, name, detail, epoch FROM entry ORDER BY epoch ${order} LIMIT 1`)
    return row && eventOf(row)
  }

  *all(): Generator<{ path: Name; detail: string | undefined }> {
    const statement = this.#prepare('SELECT directory, name, detail FROM entry')
    for (const row of statement.iterate()) yield { path: pathOf(row), detail: textOf(row['detail']) }
  }

  /**
   * Gives every entry an epoch: that of its own time where that is before `limit`, the others count on from there.
   * All in microseconds, and all different.
   */
  assignEpochs(limit: bigint): void {
    // e[i] = max(e[i−1] + 1, w[i]) is the same as e[i] − i = the greatest of all w[j] − j up to i.
    const wanted = 'SELECT directory, name, min(coalesce(mtime / 1000, ?1), ?1) AS w FROM entry'
    const numbered = `SELECT *, row_number() OVER (ORDER BY w, directory, name) AS i FROM (${wanted})`
    const assigned = `SELECT directory, name, i + max(w - i) OVER (ORDER BY i) AS e FROM (${numbered})`
    this.#run(
      `UPDATE entry SET epoch = a.e FROM (${assigned}) AS a
        WHERE entry.directory = a.directory AND entry.name = a.name`,
      limit,
    )
  }

  get count(): number {
    return Number(this.#get('SELECT count(*) AS count FROM entry')?.['count'] ?? 0)
  }

  put(path: Name, { detail, epoch, stamp }: Omit<Listed, 'name'>): void {
    const { ino, size, mtimeNs, ctimeNs } = stamp ?? {}
    this.#run(
      `INSERT INTO entry VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET detail = excluded.detail,
        epoch = excluded.epoch, ino = excluded.ino, size = excluded.size, mtime = excluded.mtime,
        ctime = excluded.ctime`,
      ...keyOf(path),
      detail ?? null,
      epoch,
      ino === undefined ? null : BigInt.asIntN(64, ino),
      size ?? null,
      mtimeNs ?? null,
      ctimeNs ?? null,
    )
  }

  /** Lets what was noted be what is listed, in one step. */
  note(noted: readonly Noted[], more: () => void = () => {}): void {
    this.transaction(() => {
      for (const { path, type, detail, stamp } of noted) {
        if (type === 'delete') this.delete(path)
        else this.put(path, { detail, epoch: 0n, stamp })
      }
      more()
    })
  }

  delete(path: Name): void {
    this.#run('DELETE FROM entry WHERE directory = ? AND name = ?', ...keyOf(path))
  }

  clear(): void {
    this.#run('DELETE FROM entry')
  }

  /**
   * Takes over an index: whatever is told of each path first counts, and what is not told of at all is forgotten. A
   * stamp is kept where the detail is the same as before.
   */
  takeOver(events: Iterable<{ path: Name; detail: string | undefined; epoch: bigint; gone: boolean }>): void {
    const number = BigInt(this.get('import') ?? '0') + 1n
    this.set('import', number.toString())
    for (const { path, detail, epoch, gone } of events) {
      this.#run(
        `INSERT INTO entry (directory, name, detail, epoch, import, gone) VALUES (?, ?, ?, ?, ?, ?)
          ON CONFLICT DO UPDATE SET detail = excluded.detail, epoch = excluded.epoch, import = excluded.import,
            gone = excluded.gone,
            ctime = CASE WHEN detail IS excluded.detail AND (detail IS NOT NULL OR epoch = excluded.epoch)
              THEN ctime ELSE NULL END
          WHERE entry.import <> excluded.import`,
        ...keyOf(path),
        detail ?? null,
        epoch,
        number,
        gone ? 1 : 0,
      )
    }
    this.#run('DELETE FROM entry WHERE import <> ? OR gone = 1', number)
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #get(sql: string, ...values: SQLInputValue[]): Record<string, SQLOutputValue> | undefined {
    return this.#call(() => this.#prepare(sql).get(...values))
  }

  #all(sql: string, ...values: SQLInputValue[]): Record<string, SQLOutputValue>[] {
    return this.#call(() => this.#prepare(sql).all(...values))
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#call(() => this.#prepare(sql).run(...values))
  }

  #call<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw stateError(error, this.#path)
    }
  }
}

const columns = 'name, detail, epoch, ino, size, mtime, ctime'

function keyOf(path: Name): [Uint8Array, Uint8Array] {
  const slash = path.lastIndexOf('/')
  return [nameToBytes(slash < 0 ? '' : path.slice(0, slash)), nameToBytes(path.slice(slash + 1))]
}

/** The directories below one have names between these two. */
function rangeBelow(directory: Name): [Uint8Array, Uint8Array] {
  if (directory === '') return [new Uint8Array(0), Uint8Array.of(255, 255)]
  return [nameToBytes(`${directory}/`), nameToBytes(`${directory}0`)]
}

function listedOf(row: Record<string, SQLOutputValue>): Listed {
  const { ino, size, mtime, ctime } = row
  const isStamped = typeof ctime === 'bigint' && typeof ino === 'bigint'
  return {
    name: nameOf(row['name']),
    detail: textOf(row['detail']),
    epoch: row['epoch'] as bigint,
    stamp: isStamped
      ? { ino: BigInt.asUintN(64, ino), size: size as bigint, mtimeNs: mtime as bigint, ctimeNs: ctime }
      : undefined,
  }
}

function pathOf(row: Record<string, SQLOutputValue>): Name {
  const directory = nameOf(row['directory'])
  const name = nameOf(row['name'])
  return directory === '' ? name : `${directory}/${name}`
}

function eventOf(row: Record<string, SQLOutputValue>): RecentEvent {
  const epoch = epochOfMicroseconds(row['epoch'] as bigint)
  return { epoch, path: pathOf(row), type: 'new', detail: textOf(row['detail']) }
}

function nameOf(value: SQLOutputValue | undefined): Name {
  return value instanceof Uint8Array ? nameFromBytes(value) : ''
}

function textOf(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function stateError(error: unknown, path: string): TidemarkError {
  if (error instanceof TidemarkError) return error
  if (isBusyDatabase(error)) {
    return new TidemarkError('busy', 'this tree is being published by another process', { cause: error })
  }
  return fromDatabase(error, `write ${displayPath(path)}`, path)
}
