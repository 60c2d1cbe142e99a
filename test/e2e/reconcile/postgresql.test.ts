import { requireTool } from '../../require.ts'
import { postgresPrograms, startPostgres } from '../../suites/postgresql.ts'
import { sqlSketchSuite } from '../../suites/sql-sketch-suite.ts'

sqlSketchSuite('PostgreSQL', async (t) => {
  const programs = postgresPrograms()
  if (!requireTool(t, programs !== undefined, 'PostgreSQL is not installed')) return undefined
  const client = await startPostgres(t, programs!)
  return {
    template: 'postgresql.sql',
    run: async (query) => (await client.query<Record<string, unknown>>(query)).rows,
    table: (name, query) => `CREATE TABLE ${name} AS ${query}`,
    rows: (from, to) =>
      `SELECT convert_to('key' || i || ':value' || i, 'UTF8') AS item FROM generate_series(${from}, ${to} - 1) AS numbers (i)`,
    literal: (items) => items.map((hex) => `SELECT '\\x${hex}'::bytea AS item`).join(' UNION ALL '),
  }
})
