import { corrupt } from '../errors.ts'
import { fromHex } from '../bytes/hex.ts'
import { SetRoot, Sketch, type Ids, type Profile, type SketchKey } from '../reconcile/index.ts'
import type { ServedSet } from './served-set.ts'
import { cellsQuery, findQuery, idsQuery, rootQuery, sqlTemplate, type SqlTemplate } from './sql-query.ts'

/** Runs one query. Numbers may come as numbers, bigints or their decimal text. */
export type RunSql = (query: string) => Promise<readonly Readonly<Record<string, unknown>>[]>

/**
 * A set of rows in a database. Sketches are made by the engine itself and only cells travel; items travel when
 * they are asked for by id.
 */
export class SqlSet implements ServedSet {
  readonly #template: SqlTemplate
  readonly #items: string
  readonly #run: RunSql

  /**
   * @param template the text of the engine's file in sql/
   * @param items a query with one column, `item`: the bytes of each item. It is put into other queries as it
   *   is: it must not come from somebody who may not run any query at all.
   */
  constructor(template: string, items: string, run: RunSql) {
    this.#template = sqlTemplate(template)
    this.#items = items
    this.#run = run
  }

  async root(): Promise<SetRoot> {
    const [row] = await this.#run(rootQuery(this.#template, this.#items))
    const lanes = Array.from({ length: 8 }, (_, lane) => numberIn(row, `s${lane}`) | 0)
    const sum = new Uint8Array(32)
    const view = new DataView(sum.buffer)
    lanes.forEach((lane, at) => view.setInt32(4 * at, lane, true))
    return SetRoot.of(numberIn(row, 'items'), sum)
  }

  async sketch(key: SketchKey, profile: Profile, size: number): Promise<Sketch> {
    const sketch = new Sketch({ salt: key, profile, size })
    const task = { items: this.#items, key }
    for (const row of await this.#run(cellsQuery(this.#template, task, profile, size))) {
      const cell = numberIn(row, 'cell')
      if (cell < 0 || cell >= size) throw corrupt('SQL result', `there is no cell ${cell}`)
      sketch.cells[3 * cell] = numberIn(row, 'lo') | 0
      sketch.cells[3 * cell + 1] = numberIn(row, 'hi') | 0
      sketch.cells[3 * cell + 2] = numberIn(row, 'check') | 0
    }
    sketch.root.combine(await this.root(), 1)
    return sketch
  }

  async items(key: SketchKey, ids: Ids): Promise<(Uint8Array | undefined)[]> {
    const found = new Map<string, Uint8Array>()
    for (let at = 0; at < ids.length; at += 2 * idsAtATime) {
      const wanted = ids.subarray(at, at + 2 * idsAtATime)
      const task = { items: this.#items, key }
      for (const row of await this.#run(findQuery(this.#template, task, wanted))) {
        const bytes = fromHex(String(row['item']))
        if (bytes === undefined) throw corrupt('SQL result', 'an item is not in hexadecimal')
        found.set(`${numberIn(row, 'lo') | 0}/${numberIn(row, 'hi') | 0}`, bytes)
      }
    }
    return Array.from({ length: ids.length / 2 }, (_, at) => found.get(`${ids[2 * at]}/${ids[2 * at + 1]}`))
  }

  async ids(key: SketchKey): Promise<Ids> {
    const rows = await this.#run(idsQuery(this.#template, { items: this.#items, key }))
    const ids = new Int32Array(2 * rows.length)
    rows.forEach((row, at) => {
      ids[2 * at] = numberIn(row, 'lo') | 0
      ids[2 * at + 1] = numberIn(row, 'hi') | 0
    })
    return ids
  }
}

/** Ids that are named in one query. */
const idsAtATime = 1000

function numberIn(row: Readonly<Record<string, unknown>> | undefined, column: string): number {
  const value = Number(row?.[column] ?? 0)
  if (!Number.isSafeInteger(value)) throw corrupt('SQL result', `column ${column} is not a whole number`)
  return value
}
