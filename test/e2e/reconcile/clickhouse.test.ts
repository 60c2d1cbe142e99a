import { requireTool } from '../../require.ts'
import { sqlSketchSuite } from '../../suites/sql-sketch-suite.ts'

/**
 * ClickHouse as a library. It has half a gigabyte, so it is no dependency: .ci/run installs it beside and says where
 * (docs/decisions/0103-clickhouse.md).
 */
interface Chdb {
  readonly Session: new () => { query(text: string, format: string): unknown; cleanup(): void }
}

// A name the compiler does not look up.
const library: string = process.env['TIDEMARK_CHDB'] ?? 'chdb'

sqlSketchSuite('ClickHouse', async (t) => {
  const chdb = await import(library).then(
    (module: Chdb) => module,
    () => undefined,
  )
  if (!requireTool(t, chdb !== undefined, 'chdb is not installed')) return undefined
  const session = new chdb!.Session()
  t.after(() => session.cleanup())
  return {
    template: 'clickhouse.sql',
    run: async (query) =>
      String(session.query(query, 'JSONEachRow'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    table: (name, query) => `CREATE TABLE ${name} ENGINE = Memory AS ${query}`,
    rows: (from, to) =>
      `SELECT concat('key', toString(number), ':value', toString(number)) AS item FROM numbers(${from}, ${to - from})`,
    literal: (items) => items.map((hex) => `SELECT unhex('${hex}') AS item`).join(' UNION ALL '),
  }
})
