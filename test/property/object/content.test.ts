import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { Writer } from '../../../src/bytes/writer.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { buildContent, decodeList, maxNodeSize } from '../../../src/object/content.ts'
import type { ContentItem, ContentRef } from '../../../src/object/content.ts'
import { idOf, writeId, type Id } from '../../../src/object/id.ts'
import { contentItems, fuzz, ids } from '../../suites/arbitraries.ts'

const runs = { numRuns: 200 * fuzz }

class Lists {
  readonly nodes = new Map<Id, Uint8Array>()
  readonly keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    this.nodes.set(id, bytes)
    return id
  }

  /** What `ref` stands for, read without the help of the code under test. */
  read({ depth, id }: ContentRef, length: number): ContentItem[] {
    if (depth === 0) return [{ length, id }]
    const items = decodeList(this.nodes.get(id)!, depth)
    assert.equal(
      items.reduce((sum, item) => sum + item.length, 0),
      length,
    )
    if (depth === 1) return items
    return items.flatMap((item) => this.read({ depth: depth - 1, id: item.id! }, item.length))
  }
}

const many = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 5000 })).map(([seed, count]) =>
  Array.from({ length: count }, (_, n): ContentItem => ({
    length: 1000 + n,
    id: idOf(Buffer.from(`${seed} ${n}`)),
  })),
)

const lengthOf = (items: readonly ContentItem[]): number => items.reduce((sum, { length }) => sum + length, 0)

/** A list that says what one likes. */
const list = (level: number, ...items: (readonly [tagged: number, id?: Id])[]): Uint8Array => {
  const writer = new Writer().u8(0x11).u8(level)
  for (const [tagged, id] of items) {
    writer.varint(tagged)
    if (id !== undefined) writeId(writer, id)
  }
  return writer.finish()
}

suite('content lists', () => {
  test('give back what they were built of', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: contentItems }, many), (items) => {
        const lists = new Lists()
        const ref = buildContent(items, lists.keep)
        if (items.length === 0) assert.equal(ref, undefined)
        else assert.deepEqual(lists.read(ref!, lengthOf(items)), items)
        for (const node of lists.nodes.values()) assert.ok(node.length < maxNodeSize)
      }),
      runs,
    )
  })

  test('of one chunk are that chunk, of a lone hole a list', () => {
    fc.assert(
      fc.property(ids, (id) => {
        assert.deepEqual(
          buildContent([{ length: 5, id }], () => assert.fail()),
          { depth: 0, id },
        )
      }),
    )
    const lists = new Lists()
    const ref = buildContent([{ length: 2 ** 40, id: undefined }], lists.keep)!
    assert.equal(ref.depth, 1)
    assert.deepEqual(lists.read(ref, 2 ** 40), [{ length: 2 ** 40, id: undefined }])
  })

  test('join holes that meet', () => {
    const lists = new Lists()
    const id = idOf(Uint8Array.of(1))
    const hole = { length: 3, id: undefined }
    const ref = buildContent([hole, hole, { length: 1, id }, hole, hole], lists.keep)!
    assert.deepEqual(lists.read(ref, 13), [
      { length: 6, id: undefined },
      { length: 1, id },
      { length: 6, id: undefined },
    ])
  })

  test('change little when their content does', () => {
    const items = Array.from({ length: 50_000 }, (_, n) => ({
      length: 100,
      id: idOf(Buffer.from(`chunk ${n}`)),
    }))
    const before = new Lists()
    buildContent(items, before.keep)
    fc.assert(
      fc.property(fc.nat(items.length - 1), fc.nat(2), ids, (at, removed, id) => {
        const after = new Lists()
        buildContent(items.toSpliced(at, removed, { length: 7, id }), after.keep)
        const fresh = [...after.nodes.keys()].filter((id) => !before.nodes.has(id))
        // One list or two that touch the place (their ends may move), on each of three levels.
        assert.ok(fresh.length <= 3 + 3 * 3, `${fresh.length} of ${after.nodes.size}`)
      }),
      { numRuns: 20 * fuzz },
    )
    assert.ok(before.nodes.size > 150)
  })

  test('with holes that meet, that are too high up, or with items of no length are refused', () => {
    const id = '\x01'.repeat(32)
    const most = Array.from({ length: 1024 }, () => [2, id] as const)
    assert.equal(decodeList(list(1, [3], [2, id], [3]), 1).length, 3)
    assert.equal(decodeList(list(1, ...most), 1).length, 1024)
    const refused = [
      list(1, [3], [3]),
      list(2, [2, id], [3]),
      list(1, [0, id]),
      list(1, [1]),
      list(1),
      list(1, ...most, [2, id]),
    ]
    for (const bytes of refused)
      assert.throws(
        () => decodeList(bytes, bytes[1]!),
        (error) => isTidemarkError(error, 'corrupt'),
      )
  })

  test('do not lie about their level', () => {
    const lists = new Lists()
    const items = Array.from({ length: 3000 }, (_, n) => ({ length: 1, id: idOf(Buffer.from(`${n}`)) }))
    const { depth, id } = buildContent(items, lists.keep)!
    assert.ok(depth >= 2)
    for (const level of [0, 1, depth - 1, depth + 1])
      assert.throws(
        () => decodeList(lists.nodes.get(id)!, level),
        (error) => isTidemarkError(error, 'corrupt'),
      )
  })
})
