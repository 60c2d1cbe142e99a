import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { nameToBytes } from '../../../src/bytes/name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import type { ContentRef } from '../../../src/object/content.ts'
import type { Entry } from '../../../src/object/entry.ts'
import { idOf, type Id } from '../../../src/object/id.ts'
import { buildLeaves, buildNodes, decodeLeaf, decodeNode } from '../../../src/object/tree.ts'
import { entries, fuzz, names } from '../../suites/arbitraries.ts'
import { fileEntry } from '../../suites/plant.ts'

const isCorrupt = (error: unknown): boolean => isTidemarkError(error, 'corrupt')
const inOrder = (list: readonly Entry[]): Entry[] =>
  list.toSorted((a, b) => Buffer.compare(nameToBytes(a.name), nameToBytes(b.name)))

/** A directory's pieces by id. */
class Pieces {
  readonly all = new Map<Id, Uint8Array>()
  readonly keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    this.all.set(id, bytes)
    return id
  }

  build(list: readonly Entry[]): ContentRef | undefined {
    const leaves = [...buildLeaves(list)]
    return buildNodes(
      leaves.map(({ bytes, first, count }) => ({ id: this.keep(bytes), first, count })),
      this.keep,
    )
  }

  read({ depth, id }: ContentRef): Entry[] {
    const bytes = this.all.get(id)!
    if (depth === 0) return decodeLeaf(bytes)
    return decodeNode(bytes, depth).flatMap((line) => {
      const below = this.read({ depth: depth - 1, id: line.id })
      assert.equal(below.length, line.count)
      assert.equal(below[0]!.name, line.first)
      return below
    })
  }
}

const directories = fc.oneof(
  fc.uniqueArray(entries, { selector: ({ name }) => name, maxLength: 40 }),
  fc
    .uniqueArray(names, { maxLength: 600, size: 'max' })
    .map((names) => names.map((name): Entry => fileEntry(name))),
)

/** 30,000 files: about 230 leaves, and nodes on two levels. */
const large = inOrder(Array.from({ length: 30_000 }, (_, n) => fileEntry(`file ${n}`)))

const cuts = (list: readonly Entry[]): string[] => [...buildLeaves(list)].map(({ first }) => first)

const leaf = (...names: string[]): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(0x21),
    ...names.map((name) => [...buildLeaves([fileEntry(name)])][0]!.bytes.subarray(1)),
  ])

const node = (...names: string[]): Uint8Array => {
  const nodes = new Pieces()
  const ref = buildNodes(
    names.map((first) => ({ first, id: '\x01'.repeat(32), count: 1 })),
    nodes.keep,
  )!
  return nodes.all.get(ref.id)!
}

suite('trees', () => {
  test('give back any set of names', () => {
    fc.assert(
      fc.property(directories, (list) => {
        const sorted = inOrder(list)
        const pieces = new Pieces()
        const ref = pieces.build(sorted)
        if (list.length === 0) assert.equal(ref, undefined)
        else
          assert.deepEqual(
            pieces.read(ref!).map(({ name }) => name),
            sorted.map(({ name }) => name),
          )
      }),
      { numRuns: 50 * fuzz },
    )
    const pieces = new Pieces()
    assert.deepEqual(
      pieces.read(pieces.build(large)!),
      large.map((entry) => ({ ...entry, link: undefined })),
    )
  })

  test('one entry changed, added or removed touches few pieces', () => {
    const before = new Pieces()
    before.build(large)
    assert.ok(before.all.size > 150)
    fc.assert(
      fc.property(fc.nat(large.length - 1), fc.constantFrom('change', 'remove', 'add'), (at, how) => {
        const { name } = large[at]!
        const instead =
          how === 'change' ? [fileEntry(name, 1, { depth: 0, id: idOf(Buffer.from(name)) })] : []
        const list = large.toSpliced(
          at,
          1,
          ...(how === 'add' ? [large[at]!, fileEntry(`${name}b`)] : instead),
        )
        const after = new Pieces()
        after.build(inOrder(list))
        const fresh = [...after.all.keys()].filter((id) => !before.all.has(id))
        assert.ok(fresh.length <= 9, `${fresh.length} fresh pieces`)
      }),
      { numRuns: 20 * fuzz },
    )
  })

  test('how a tree is cut depends on its names alone', () => {
    const other = large.map((entry, n) => ({ ...entry, mode: n & 0o777, mtimeNs: BigInt(n) }))
    assert.deepEqual(cuts(other), cuts(large))
  })

  test('names out of order, twice, or forbidden are refused', () => {
    assert.equal(decodeLeaf(leaf('a', 'b')).length, 2)
    for (const names of [['b', 'a'], ['a', 'a'], ['a', '..'], ['.'], ['a', 'b/c'], ['', 'a']])
      assert.throws(() => decodeLeaf(leaf(...names)), isCorrupt, names.join())
    assert.throws(() => decodeLeaf(Uint8Array.of(0x21)), isCorrupt)
    assert.equal(decodeNode(node('a', 'b'), 1).length, 2)
    for (const names of [
      ['b', 'a'],
      ['a', 'a'],
      ['..', 'a'],
      ['a', 'b/c'],
    ])
      assert.throws(() => decodeNode(node(...names), 1), isCorrupt, names.join())
    assert.throws(() => decodeNode(node('a', 'b'), 2), isCorrupt)
    assert.throws(() => decodeNode(Uint8Array.of(0x22, 1), 1), isCorrupt)
    assert.throws(() => decodeNode(leaf('a'), 0), isCorrupt)
    assert.throws(() => decodeLeaf(node('a', 'b')), isCorrupt)
  })

  test('a leaf that ought to have ended is refused, so that none holds more than some thousand entries', () => {
    const body = [...buildLeaves(large)].map(({ bytes }) => bytes.subarray(1))
    const start = Buffer.concat([Uint8Array.of(0x21), ...body])
    assert.throws(() => decodeLeaf(start), /leaf too long/)
    const xattrs = [{ name: 'user.large', value: new Uint8Array(65_000) }]
    const [huge] = buildLeaves([
      { ...fileEntry('a'), xattrs: [...xattrs, { name: 'user.more', value: xattrs[0]!.value }] },
    ])
    assert.equal(decodeLeaf(huge!.bytes).length, 1)
  })
})
