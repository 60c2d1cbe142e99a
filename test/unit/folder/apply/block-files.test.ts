import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import type { ArrivingBlock, ArrivingBlocks } from '../../../../src/folder/apply/arriving-blocks.ts'
import { GrowingFiles } from '../../../../src/folder/apply/growing-files.ts'
import { OpenDirectories } from '../../../../src/folder/apply/open-directories.ts'
import type { FileResult } from '../../../../src/folder/apply/file-job.ts'
import { openDirectory } from '../../../../src/folder/system/directory-handle.ts'
import type { FileEntry } from '../../../../src/object/entry.ts'
import { encodeChunkTable } from '../../../../src/object/block.ts'
import { idOf, type Id } from '../../../../src/object/id.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import { sealPayload } from '../../../../src/store/repository/block-payload.ts'
import { missingChunk, type Store } from '../../../../src/store/store.ts'
import { fileEntry, plantFile } from '../../../suites/plant.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function blockOf(texts: readonly string[], compress: boolean): ArrivingBlock {
  const parts = texts.map(bytesOf)
  const table = encodeChunkTable(parts.map(({ length }) => length))
  let offset = 0
  const chunks = parts.map((bytes) => {
    const chunk = { id: idOf(bytes), offset, length: bytes.length }
    offset += bytes.length
    return chunk
  })
  return sealPayload(Buffer.concat([...parts, table]), compress, 0, ({ flags, plainLength }, payload) => ({
    block: { flags, plainLength, payload: Uint8Array.from(payload) },
    chunks,
  }))
}

/** Hands out blocks; what it gets back, and was asked for besides, is noted. */
class Blocks implements ArrivingBlocks {
  readonly back: { readonly length: number; readonly damaged: readonly number[] }[] = []
  readonly #of: Map<Id, ArrivingBlock>

  constructor(blocks: readonly ArrivingBlock[]) {
    this.#of = new Map(blocks.flatMap((block) => block.chunks.map(({ id }) => [id, block] as const)))
  }

  take(id: Id): ArrivingBlock | Promise<ArrivingBlock> | undefined {
    const block = this.#of.get(id)
    this.#of.delete(id)
    // Now at once and now later.
    return block && id.charCodeAt(0) % 2 === 0 ? Promise.resolve(block) : block
  }

  found(): void {}

  opened(_: ArrivingBlock, payload: Uint8Array, damaged: readonly number[]): void {
    this.back.push({ length: payload.length, damaged })
  }
}

class Asked implements Store {
  readonly ids: Id[] = []
  readonly #store: Store | undefined

  constructor(store?: Store) {
    this.#store = store
  }

  async get(id: Id): Promise<Uint8Array> {
    this.ids.push(id)
    if (this.#store === undefined) throw missingChunk(id, 'here')
    return this.#store.get(id)
  }

  async has(): Promise<Set<Id>> {
    return new Set()
  }
}

/** Writes files, after so many empty ones that there are threads. */
async function write(
  t: TestContext,
  entries: readonly FileEntry[],
  arriving: ArrivingBlocks,
  store: Store,
): Promise<{ root: string; results: FileResult[] }> {
  const root = temporaryDirectory(t)
  const directories = new OpenDirectories(openDirectory(root))
  t.after(() => directories.root.close())
  const files = new GrowingFiles(directories, store, { sources: async () => ({}), arriving })
  // Threads that are left would keep the test from ending.
  t.after(() => files.abort())
  const results: FileResult[] = []
  const empty = Array.from({ length: 1500 }, (_, n) => fileEntry(`empty ${n}`))
  for (const [n, entry] of [...empty, ...entries].entries()) {
    const job = { directory: '', entry, seen: undefined, check: false }
    await files.submit(job, (result) => {
      if (n >= empty.length) results[n - empty.length] = result
    })
  }
  await files.finish()
  return { root, results }
}

const plainFile = (name: string, text: string): FileEntry =>
  fileEntry(name, text.length, { depth: 0, id: idOf(bytesOf(text)) })

const text = (n: number): string => `${n} `.repeat(200 + n)

suite('files from blocks that arrive', () => {
  test('are written by threads: of one chunk, of several, with contents alike, and between two blocks', async (t) => {
    const texts = Array.from({ length: 90 }, (_, n) => text(n))
    const blocks = [0, 30, 60].map((from) => blockOf(texts.slice(from, from + 30), from !== 30))
    const lists = new MemoryStore()
    const several = await plantFile(lists, 'several', [text(3), 5000, text(4)])
    const between = await plantFile(lists, 'between', [text(29), text(30), text(60)])
    const whole = texts.flatMap((text, n) =>
      [3, 4, 29, 30, 60].includes(n) ? [] : [plainFile(`${n}`, text)],
    )
    const again = plainFile('again', text(7))
    const entries = [several, between, ...whole.slice(0, 20), again, ...whole.slice(20)]
    const asked = new Asked({
      get: (id) => lists.get(id),
      has: (ids) => lists.has(ids),
    })
    const arriving = new Blocks(blocks)
    const { root, results } = await write(t, entries, arriving, asked)
    assert.deepEqual(
      results.map(({ status }) => status),
      entries.map(() => 'written'),
    )
    const read = (name: string): string => readFileSync(join(root, name), 'utf8')
    for (const { name } of whole) assert.equal(read(name), text(Number(name)))
    assert.equal(read('several'), text(3) + '\0'.repeat(5000) + text(4))
    assert.equal(read('between'), text(29) + text(30) + text(60))
    assert.equal(read('again'), text(7))
    // But for lists nothing was asked for.
    const chunks = new Set(texts.map((text) => idOf(bytesOf(text))))
    assert.deepEqual(
      asked.ids.filter((id) => chunks.has(id)),
      [],
    )
    assert.deepEqual(
      arriving.back.map(({ damaged }) => damaged),
      [[], [], []],
    )
    assert.deepEqual(
      new Set(arriving.back.map(({ length }) => length)).size,
      new Set(blocks.map(({ block }) => block.plainLength)).size,
    )
  })

  test('are written from the store where a block is not what it was said to be, or lacks something', async (t) => {
    const texts = Array.from({ length: 30 }, (_, n) => text(n))
    const [good, bad, cut] = [0, 10, 20].map((from) => blockOf(texts.slice(from, from + 10), from === 20))
    bad!.block.payload[bad!.chunks[4]!.offset + 7]! ^= 1
    const broken = { ...cut!, block: { ...cut!.block, payload: cut!.block.payload.slice(0, 40) } }
    const store = new MemoryStore()
    for (const n of [14, ...Array.from({ length: 9 }, (_, n) => 20 + n)])
      await store.put(idOf(bytesOf(text(n))), bytesOf(text(n)))
    const asked = new Asked(store)
    const arriving = new Blocks([good!, bad!, broken])
    const entries = texts.map((text, n) => plainFile(`${n}`, text))
    const { root, results } = await write(t, entries, arriving, asked)
    const failed = results.flatMap(({ status }, n) => (status === 'written' ? [] : [n]))
    assert.deepEqual(failed, [29])
    assert.equal(results[29]!.problems[0]![0], 'missing')
    for (const [n, text] of texts.slice(0, 29).entries())
      assert.equal(readFileSync(join(root, `${n}`), 'utf8'), text)
    assert.deepEqual(
      asked.ids.toSorted(),
      [14, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29].map((n) => idOf(bytesOf(text(n)))).toSorted(),
    )
    const damaged = arriving.back.map(({ damaged }) => damaged.length).toSorted((a, b) => a - b)
    assert.deepEqual(damaged, [0, 1, 10])
  })
})
