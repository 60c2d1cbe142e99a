import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { displayName, nameToBytes } from '../../../src/bytes/name.ts'
import type { Name } from '../../../src/bytes/name.ts'
import { Writer } from '../../../src/bytes/writer.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { encodeEntry } from '../../../src/object/entry-codec.ts'
import type { DirectoryEntry, Entry } from '../../../src/object/entry.ts'
import { idOf } from '../../../src/object/id.ts'
import { buildNodes } from '../../../src/object/tree.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { listPaths, type ListPathsOptions } from '../../../src/tree/list-paths.ts'
import type { LineForm } from '../../../src/tree/path-lines.ts'
import { walkTree } from '../../../src/tree/walk.ts'
import { directoryEntry, fileEntry, plant, type Plant } from '../../suites/plant.ts'

const runs = 40 * Number(process.env['TIDEMARK_FUZZ'] ?? 1)

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b c',
    'a\\b',
    '...',
    '.x',
    'é',
    'a\n',
    '\u{1f30a}',
    '\u202e',
    '\udc80',
    'x'.repeat(255),
  ),
  fc.integer({ min: 0, max: 500 }).map((n) => `n${n}`),
)
const { tree } = fc.letrec<{ tree: { [name: string]: Plant }; node: Plant }>((tie) => ({
  tree: fc.dictionary(name, tie('node'), { maxKeys: 12, noNullPrototype: true }),
  node: fc.oneof({ depthSize: 'small' }, fc.constantFrom('', 'x', 'yy'), tie('tree')),
}))

function show(path: Name, entry: Entry): Uint8Array {
  return Buffer.from(`${displayName(path)}${entry.kind === 'directory' ? '/' : ''}\n`)
}

function showRaw(path: Name): Uint8Array {
  return nameToBytes(`${path}\0`)
}

function form(plain: boolean): LineForm {
  return { plain, end: '\n', directoryEnd: '/\n', show }
}

async function list(
  store: MemoryStore,
  root: DirectoryEntry,
  form: LineForm,
  options?: ListPathsOptions,
): Promise<string> {
  return Buffer.concat(await Array.fromAsync(listPaths(store, root, form, options))).toString()
}

/** The same by way of the entries. */
async function expected(
  store: MemoryStore,
  root: DirectoryEntry,
  top: Name,
  recursive: boolean,
): Promise<string> {
  let text = ''
  for await (const { path, entry } of walkTree(store, root)) {
    if (!recursive && path.includes('/')) continue
    const whole = top === '' ? path : `${top}/${path}`
    text += Buffer.from(form(true).show(whole, entry)).toString()
  }
  return text
}

/** A root of one leaf with just these entries, whatever they are. */
async function leafOf(store: MemoryStore, entries: readonly Entry[]): Promise<DirectoryEntry> {
  const writer = new Writer(64)
  writer.u8(0x21)
  for (const entry of entries) encodeEntry(writer, entry)
  const bytes = writer.finish()
  const id = idOf(bytes)
  await store.put(id, bytes)
  return directoryEntry('', entries, { depth: 0, id })
}

const isCorrupt = (error: unknown): boolean => isTidemarkError(error, 'corrupt')

suite('listPaths', () => {
  test('lists any tree as its entries say, copied or shown', async () => {
    const property = fc.asyncProperty(
      tree,
      fc.constantFrom('', 'top', 'é', 'a\n/b'),
      fc.boolean(),
      async (planted, path, recursive) => {
        const store = new MemoryStore()
        const root = await plant(store, planted)
        const lines = await expected(store, root, path, recursive)
        assert.equal(await list(store, root, form(true), { path, recursive }), lines)
        assert.equal(await list(store, root, form(false), { path, recursive }), lines)
      },
    )
    await fc.assert(property, { numRuns: runs })
  })

  test('comes in pieces that are not large, also where names are long', async () => {
    const store = new MemoryStore()
    const names = Array.from({ length: 500 }, (_, n) => `${String(n).padStart(5, '0')}${'x'.repeat(200)}`)
    const root = await plant(store, { d: Object.fromEntries(names.map((name) => [name, ''])) })
    const pieces = await Array.fromAsync(
      listPaths(store, root, form(true), { recursive: true, path: 'p'.repeat(10_000) }),
    )
    assert.ok(pieces.length > 60)
    for (const piece of pieces) assert.ok(piece.length < 200_000)
    const lines = Buffer.concat(pieces).toString().split('\n')
    assert.deepEqual(
      lines.slice(1, -1).map((line) => line.slice(10_003)),
      names,
    )
  })

  test('goes on behind a directory further up than levels are kept open', async () => {
    const store = new MemoryStore()
    let planted: { [name: string]: Plant } = { z: 'x' }
    for (let depth = 0; depth < 50; depth++) planted = { a: 'x', m: planted, z: 'y' }
    const root = await plant(store, planted)
    assert.equal(
      await list(store, root, form(true), { recursive: true }),
      await expected(store, root, '', true),
    )
  })

  test('refuses names that lead elsewhere, and such as are out of order', async () => {
    for (const names of [['..'], ['.'], ['a/b'], [''], ['a\0'], ['b', 'a'], ['a', 'a']]) {
      const store = new MemoryStore()
      const root = await leafOf(
        store,
        names.map((name) => fileEntry(name)),
      )
      await assert.rejects(list(store, root, form(true)), isCorrupt, JSON.stringify(names))
    }
  })

  test('believes no node about the names below it', async () => {
    for (const firsts of [
      ['a', 'c'],
      ['b', 'c'],
      ['b', 'd'],
    ]) {
      const store = new MemoryStore()
      const leaves = [
        await leafOf(store, [fileEntry('b'), fileEntry('c')]),
        await leafOf(store, [fileEntry('d')]),
      ]
      const puts: Promise<void>[] = []
      const nodes = buildNodes(
        leaves.map((leaf, n) => ({ id: leaf.content!.id, first: firsts[n]!, count: leaf.count })),
        (bytes) => {
          puts.push(store.put(idOf(bytes), bytes))
          return idOf(bytes)
        },
      )
      await Promise.all(puts)
      const listed = list(store, directoryEntry('', [], nodes), form(true))
      if (firsts.join('') === 'bd') assert.equal(await listed, 'b\nc\nd\n')
      else await assert.rejects(listed, isCorrupt, firsts.join(' '))
    }
  })

  test('bytes of a name that are no text come as they are, if they are to', async () => {
    const store = new MemoryStore()
    const root = await plant(store, { '\udcff': 'x', a: { 'b\n': 'x' } })
    const raw: LineForm = { plain: true, end: '\0', directoryEnd: '\0', show: showRaw }
    const listed = Buffer.concat(await Array.fromAsync(listPaths(store, root, raw, { recursive: true })))
    assert.equal(listed.toString('latin1'), 'a\0a/b\n\0\xff\0')
  })
})
