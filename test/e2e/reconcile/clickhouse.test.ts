import { sqlSketchSuite } from '../../suites/sql-sketch-suite.ts'

/** ClickHouse as a library. It has half a gigabyte, so it is no dependency: the test runs where it is installed. */
interface Chdb {
  query(text: string, format: string): unknown
}

// A name the compiler does not look up.
const library: string = process.env['TIDEMARK_CHDB'] ?? 'chdb'

sqlSketchSuite('ClickHouse', async (t) => {
  const chdb = await import(library).then(
    (module: Chdb) => module,
    () => undefined,
  )
  if (chdb === undefined) {
    t.skip('chdb is not installed')
    return undefined
  }
  return {
    template: 'clickhouse.sql',
    run: async (query) =>
      String(chdb.query(query, 'JSONEachRow'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    rows: (from, to) =>
      `SELECT concat('key', toString(number), ':value', toString(number)) AS item FROM numbers(${from}, ${to - from})`,
    literal: (items) => items.map((hex) => `SELECT unhex('${hex}') AS item`).join(' UNION ALL '),
  }
})
