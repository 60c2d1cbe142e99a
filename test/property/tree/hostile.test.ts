import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compareNames } from '../../../src/bytes/name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import type { ContentRef } from '../../../src/object/content.ts'
import type { DirectoryEntry } from '../../../src/object/entry.ts'
import { idOf, idToHex, type Id } from '../../../src/object/id.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { compareTrees } from '../../../src/tree/compare-trees.ts'
import { listDirectory, lookUp } from '../../../src/tree/directory.ts'
import { readContent } from '../../../src/tree/read-content.ts'
import { fuzz } from '../../suites/arbitraries.ts'
import { mutate } from '../../suites/mutations.ts'
import { directoryEntry, fileEntry, plantDirectory, plantFile } from '../../suites/plant.ts'
import { seededRandom } from '../../suites/random.ts'

const runs = 100 * fuzz
const random = seededRandom(Number(process.env['TIDEMARK_SEED'] ?? 1))

/** Chunks by id, all of which can be got at. */
class Pieces extends MemoryStore {
  readonly all = new Map<Id, Uint8Array>()

  override async put(id: Id, bytes: Uint8Array): Promise<void> {
    this.all.set(id, bytes)
    await super.put(id, bytes)
  }

  /** Puts other bytes in the place of a piece, and mends the ids of all that refers to it. */
  async replace(root: ContentRef, old: Id, bytes: Uint8Array): Promise<ContentRef> {
    const id = idOf(bytes)
    await this.put(id, bytes)
    if (root.id === old) return { ...root, id }
    for (const [parent, content] of this.all) {
      const hex = Buffer.from(content).toString('latin1')
      if (hex.includes(old)) return this.replace(root, parent, Buffer.from(hex.replaceAll(old, id), 'latin1'))
    }
    return root
  }

  pick(): [Id, Uint8Array] {
    return [...this.all][Math.floor(random() * this.all.size)]!
  }
}

async function refusesOrEnds(doing: () => Promise<void>): Promise<'refused' | 'read'> {
  try {
    await doing()
    return 'read'
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt', 'missing', 'limit')) throw error
    return 'refused'
  }
}

suite('readers of hostile trees', () => {
  const files = Array.from({ length: 1500 }, (_, n) => fileEntry(`file ${n}`))
  const grow = (store: Pieces): DirectoryEntry =>
    plantDirectory('', files, (bytes) => {
      const id = idOf(bytes)
      void store.put(id, bytes)
      return id
    })

  test('never see names out of order, and find whatever they list', async () => {
    const seen = { refused: 0, read: 0 }
    for (let run = 0; run < runs; run++) {
      const store = new Pieces()
      const honest = grow(store)
      const [id, bytes] = store.pick()
      const content = await store.replace(honest.content!, id, mutate(bytes, random))
      const root = directoryEntry('', files, content)
      const names: string[] = []
      const outcome = await refusesOrEnds(async () => {
        for await (const { name } of listDirectory(store, root)) {
          assert.ok(names.length === 0 || compareNames(names.at(-1)!, name) < 0)
          names.push(name)
        }
        assert.ok(names.length < 3000)
      })
      seen[outcome]++
      await refusesOrEnds(async () => {
        for await (const batch of compareTrees(store, honest, root)) assert.ok(batch.length > 0)
      })
      const name = names[Math.floor(random() * names.length)]
      if (name !== undefined) assert.equal((await lookUp(store, root, name))?.name, name)
    }
    assert.ok(seen.refused > 0 && seen.read > 0, JSON.stringify(seen))
  })

  test('never get another length of content than was promised', async () => {
    const seen = { refused: 0, read: 0 }
    for (let run = 0; run < runs; run++) {
      const store = new Pieces()
      const chunks = Array.from({ length: 600 }, (_, n) => (n % 50 === 7 ? 100 : `chunk ${n}`))
      const file = await plantFile(store, 'f', chunks)
      const [id, bytes] = store.pick()
      const content = await store.replace(file.content!, id, mutate(bytes, random))
      let length = 0
      const outcome = await refusesOrEnds(async () => {
        for await (const piece of readContent(store, { size: file.size, content })) length += piece.length
        assert.equal(length, file.size, idToHex(id))
      })
      assert.ok(length <= file.size)
      seen[outcome]++
    }
    assert.ok(seen.refused > 0 && seen.read > 0, JSON.stringify(seen))
  })
})
