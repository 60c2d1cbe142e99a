import { DuckDBInstance } from '@duckdb/node-api'
import { sqlSketchSuite } from '../../suites/sql-sketch-suite.ts'

sqlSketchSuite('DuckDB', async (t) => {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  t.after(() => {
    connection.closeSync()
    instance.closeSync()
  })
  return {
    template: 'duckdb.sql',
    run: async (query) => (await connection.runAndReadAll(query)).getRowObjects(),
    table: (name, query) => `CREATE TABLE ${name} AS ${query}`,
    rows: (from, to) =>
      `SELECT ('key' || i || ':value' || i)::BLOB AS item FROM range(${from}, ${to}) AS numbers (i)`,
    literal: (items) => items.map((hex) => `SELECT from_hex('${hex}') AS item`).join(' UNION ALL '),
  }
})
