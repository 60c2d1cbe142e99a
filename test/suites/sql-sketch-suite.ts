import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { indexItems, pull, RemoteSet, ServedIndex, setHandler, SqlSet } from '../../src/exchange/index.ts'
import type { RunSql } from '../../src/exchange/index.ts'
import { fileLines } from '../../src/cli/sets/file-lines.ts'
import { general, large, SetIndex, Sketch, sketchKey } from '../../src/reconcile/index.ts'
import { fuzz } from './arbitraries.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** An engine as the suite needs it. */
export interface SqlEngine {
  /** The file in sql/. */
  readonly template: string
  /** Runs a query; or a statement, for an empty result. */
  readonly run: RunSql
  /** The statement that makes a table of what a query gives. */
  table(name: string, query: string): string
  /** A query with a column `item` of bytes: the texts 'key<i>:value<i>' for `from` ≤ i < `to`. */
  rows(from: number, to: number): string
  /** A query of items from bytes that are given in hexadecimal. */
  literal(hex: readonly string[]): string
}

const encoder = new TextEncoder()
const key = sketchKey(Uint8Array.from({ length: 16 }, (_, at) => 17 * at))

function texts(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => `key${from + at}:value${from + at}`)
}

function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

function sorted(ids: Int32Array): string[] {
  return Array.from(new BigInt64Array(ids.slice().buffer), String).toSorted()
}

function sortedTexts(items: Iterable<Uint8Array>): string[] {
  return Array.from(items, (item) => Buffer.from(item).toString()).toSorted()
}

/** The engine computes what TypeScript does, cell by cell. */
export function sqlSketchSuite(
  name: string,
  start: (t: TestContext) => Promise<SqlEngine | undefined>,
): void {
  suite(`sketches inside ${name}`, () => {
    test('have the same cells, root, ids and items', async (t) => {
      const engine = await start(t)
      if (engine === undefined) return
      const text = readFileSync(new URL(`../../sql/${engine.template}`, import.meta.url), 'utf8')
      const set = new SqlSet(text, engine.rows(0, 3000), engine.run)
      const index = await indexItems(texts(0, 3000), { serialize: bytesOf })
      for (const profile of [general, large]) {
        for (const size of [1, 3, 16, 17, 700]) {
          const sketch = await set.sketch(key, profile, size)
          assert.deepEqual(sketch.cells, index.sketch({ salt: key, profile, size }).cells, `${size} cells`)
          assert.ok(sketch.root.equals(index.root))
        }
      }
      const served = new ServedIndex(index, bytesOf)
      const ids = index.ids(key).slice(0, 40)
      const unknown = Int32Array.of(...ids, 1, 2)
      assert.deepEqual(await set.items(key, unknown), served.items(key, unknown))
      assert.deepEqual(sorted(await set.ids(key)), sorted(index.ids(key)))

      await t.test('of shards merge into the whole', async () => {
        const merged = new Sketch({ salt: key, size: 300 })
        for (const [from, to] of [
          [0, 1000],
          [1000, 1007],
          [1007, 3000],
        ] as const) {
          merged.merge(await new SqlSet(text, engine.rows(from, to), engine.run).sketch(key, general, 300))
        }
        assert.deepEqual(merged.cells, index.sketch({ salt: key, size: 300 }).cells)
        assert.ok(merged.root.equals(index.root))
      })

      await t.test('of awkward items: empty, binary, repeated, none', async () => {
        const items = ['', '00', '0000', 'ff00', 'c3', 'e282ac', 'ff00']
        const odd = new SqlSet(text, engine.literal(items), engine.run)
        const plain = await indexItems(items, { serialize: (hex) => Buffer.from(hex, 'hex') })
        assert.equal(plain.size, 6)
        const sketch = await odd.sketch(key, general, 64)
        assert.deepEqual(sketch.cells, plain.sketch({ salt: key, size: 64 }).cells)
        assert.ok(sketch.root.equals(plain.root))
        const found = await odd.items(key, plain.ids(key))
        assert.deepEqual(
          found.map((item) => Buffer.from(item!).toString('hex')),
          items.slice(0, 6),
        )
        const none = await new SqlSet(text, engine.rows(0, 0), engine.run).sketch(key, general, 64)
        assert.ok(none.cells.every((word) => word === 0))
        assert.ok(none.root.equals(new SetIndex().root))
      })

      await t.test('reconcile a table with a plain list', async () => {
        const handler = setHandler(set)
        const remote = new RemoteSet('http://table.test/', {
          fetch: (url, init) => handler(new Request(url, init)),
        })
        const local = await indexItems(texts(25, 3010), { serialize: bytesOf })
        const difference = await pull(local, remote)
        assert.deepEqual(
          difference.added.map((item) => Buffer.from(item).toString()).toSorted(),
          texts(0, 25).toSorted(),
        )
        assert.equal(difference.removed.length, 10)
        assert.equal(difference.way, 'sketch')
      })

      // A million rows with TIDEMARK_FUZZ=20.
      await t.test('of a large table, reconciled with a file of lines without exporting it', async (t) => {
        const count = 50_000 * fuzz
        await engine.run(engine.table('large_table', engine.rows(0, count)))
        let rows = 0
        const table = new SqlSet(text, 'SELECT item FROM large_table', async (query) => {
          const answer = await engine.run(query)
          rows += answer.length
          return answer
        })
        const path = join(temporaryDirectory(t), 'lines.txt')
        writeFileSync(path, `${texts(300, count + 200).join('\n')}\n`)
        const local = await indexItems(await fileLines(path, t.signal), { serialize: (line) => line })
        const handler = setHandler(table, { maxCells: 4096 })
        const remote = new RemoteSet('http://table.test/', {
          fetch: (url, init) => handler(new Request(url, init)),
        })
        const difference = await pull(local, remote)
        assert.deepEqual(sortedTexts(difference.added), texts(0, 300).toSorted())
        const removed = sortedTexts(difference.removed.map((entry) => local.item(entry)))
        assert.deepEqual(removed, texts(count, count + 200).toSorted())
        assert.equal(difference.way, 'sketch')
        // What left the engine: cells, however large the table is, the items that were missing, and the root, a few times.
        assert.ok(rows <= 4096 + 300 + 10, `${rows} rows`)
      })
    })
  })
}
