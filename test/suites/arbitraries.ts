import * as fc from 'fast-check'
import { compareBytes } from '../../src/bytes/compare.ts'
import { nameFromBytes, nameToBytes, type Name } from '../../src/bytes/name.ts'
import type { Clock } from '../../src/object/clock.ts'
import type { ContentItem, ContentRef } from '../../src/object/content.ts'
import type { DirectoryEntry, Entry, Xattr } from '../../src/object/entry.ts'
import { isSafeName } from '../../src/object/entry-codec.ts'
import { idFromBytes, type Id } from '../../src/object/id.ts'
import type { Snapshot } from '../../src/object/snapshot.ts'

/** How often a property is tried, as a multiple of what is quick. */
export const fuzz: number = Number(process.env['TIDEMARK_FUZZ'] ?? 1)

/** `fc.record` of plain objects, such as decoders make. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true })
}

export const ids: fc.Arbitrary<Id> = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => idFromBytes(bytes, 0))

/** Bytes of names: plain ones, valid UTF-8 of every length, invalid bytes, and mixtures of these. */
const nameBytes: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'Z', '0', '.', '-', ' ', '\n', '\u00e9', '\u07ff', '\u0800', '\ud7ff', '\ue000'),
      fc.constantFrom('\ufeff', '\ufffd', '\uffff', '\u{10000}', '\u{1f30a}', '\u{10ffff}'),
      fc.uint8Array({ minLength: 1, maxLength: 3 }),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))))

/** Names that may stand in a directory. */
export const names: fc.Arbitrary<Name> = fc
  .oneof(
    nameBytes.map((bytes) => nameFromBytes(bytes)),
    fc.stringMatching(/^[a-z]{1,8}(\.[a-z]{2,3})?$/),
    fc.integer({ min: 20, max: 255 }).map((length) => 'long-'.repeat(60).slice(0, length)),
  )
  .filter((name) => isSafeName(name))

export const contentRefs: fc.Arbitrary<ContentRef> = record({ depth: fc.nat(6), id: ids })

const sizes = fc.oneof(fc.nat(1000), fc.maxSafeNat())
const numbers32 = fc.oneof(fc.constantFrom(0, 1000, 65_534, 0xffff_ffff), fc.nat(0x7fff_ffff))

const xattrs: fc.Arbitrary<Xattr[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Xattr[]>([]) },
  fc
    .uniqueArray(record({ name: names, value: fc.uint8Array({ maxLength: 40 }) }), {
      selector: ({ name }) => name,
      maxLength: 4,
    })
    .map((list) => list.toSorted((a, b) => compareBytes(nameToBytes(a.name), nameToBytes(b.name)))),
)

const links: fc.Arbitrary<Name | undefined> = fc.option(
  fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  { nil: undefined, freq: 4 },
)

const common = {
  name: names,
  mode: fc.nat(0o7777),
  uid: numbers32,
  gid: numbers32,
  mtimeNs: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: 0n, max: 2n ** 61n }),
  ),
  xattrs,
}

const someContent = fc.oneof(
  fc.constant({ size: 0, content: undefined, unreadable: false }),
  record({ size: sizes.map((n) => n || 1), content: contentRefs, unreadable: fc.constant(false) }),
  record({ size: sizes, content: fc.constant(undefined), unreadable: fc.constant(true) }),
)

export const directories: fc.Arbitrary<DirectoryEntry> = fc
  .tuple(record(common), someContent, sizes)
  .map(([common, { size, content, unreadable }, total]) => ({
    kind: 'directory',
    ...common,
    link: undefined,
    unreadable,
    size: total,
    count: size,
    content,
  }))

/** Any entry that may stand in a tree. */
export const entries: fc.Arbitrary<Entry> = fc.oneof(
  fc
    .tuple(record({ ...common, link: links, unstable: fc.boolean() }), someContent)
    .map(([rest, content]): Entry => ({ kind: 'file', ...rest, ...content })),
  directories,
  record({
    kind: fc.constant('symlink' as const),
    ...common,
    link: links,
    unreadable: fc.boolean(),
    target: fc.oneof(names, fc.constantFrom('..', '/', '../a/b')),
  }),
  record({
    kind: fc.constantFrom('character-device' as const, 'block-device' as const),
    ...common,
    link: links,
    unreadable: fc.boolean(),
    major: numbers32,
    minor: numbers32,
  }),
  record({
    kind: fc.constantFrom('fifo' as const, 'socket' as const),
    ...common,
    link: links,
    unreadable: fc.boolean(),
  }),
)

/** What a file may be made of, without two holes in a row. */
export const contentItems: fc.Arbitrary<ContentItem[]> = fc
  .array(
    record({
      length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 33 })),
      id: fc.option(ids, { nil: undefined, freq: 6 }),
    }),
    { maxLength: 60 },
  )
  .map((items) => items.filter(({ id }, n) => id !== undefined || items[n - 1]?.id !== undefined || n === 0))

const randomIds = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
const texts = fc.oneof(fc.string(), names)

const clocks: fc.Arbitrary<Clock> = fc
  .uniqueArray(record({ device: randomIds, count: fc.integer({ min: 1 }), id: ids }), {
    maxLength: 3,
    selector: ({ device }) => device,
  })
  .chain((ticks) =>
    fc
      .nat(ticks.length)
      .map((own) => ticks.map((tick, n) => (n === own ? { ...tick, id: undefined } : tick))),
  )
  .map((ticks) => ticks.toSorted((a, b) => (a.device < b.device ? -1 : 1)))

export const snapshots: fc.Arbitrary<Snapshot> = record({
  folder: randomIds,
  device: randomIds,
  host: texts,
  path: texts,
  time: fc.maxSafeNat(),
  parents: fc.uniqueArray(ids, { maxLength: 3 }).map((ids) => ids.toSorted()),
  clock: clocks,
  root: directories.map((root) => ({ ...root, name: '' })),
  message: texts,
  tags: fc
    .uniqueArray(texts, { maxLength: 3 })
    .map((tags) => tags.toSorted((a, b) => compareBytes(nameToBytes(a), nameToBytes(b)))),
  unreadable: fc.nat(),
  unstable: fc.nat(),
  program: texts,
  contents: fc.boolean(),
})
