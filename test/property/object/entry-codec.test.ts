import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { nameToBytes } from '../../../src/bytes/name.ts'
import { Reader } from '../../../src/bytes/reader.ts'
import { Writer } from '../../../src/bytes/writer.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import type { Entry } from '../../../src/object/entry.ts'
import { decodeEntry, encodeEntry, endOfPlainEntry, isSafeName } from '../../../src/object/entry-codec.ts'
import { equalEntries } from '../../../src/tree/equal-entries.ts'
import { entries, fuzz } from '../../suites/arbitraries.ts'
import { fileEntry } from '../../suites/plant.ts'

const runs = { numRuns: 500 * fuzz }

function encode(...list: Entry[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(16)
  for (const entry of list) encodeEntry(writer, entry)
  return writer.finish()
}

function decode(bytes: Uint8Array, root?: boolean): Entry {
  const reader = new Reader(bytes, 'entry')
  const entry = decodeEntry(reader, root)
  reader.end()
  return entry
}

const isCorrupt = (error: unknown): boolean => isTidemarkError(error, 'corrupt')

const isLimit = (error: unknown): boolean => isTidemarkError(error, 'limit')

suite('entry codec', () => {
  test('decoding inverts encoding', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const { link, ...rest } = entry
        const decoded = decode(encode(entry))
        assert.deepEqual({ ...decoded, link: undefined }, { ...rest, link: undefined })
        assert.equal(decoded.link, link)
        assert.ok(equalEntries(decoded, entry))
      }),
      runs,
    )
  })

  test('where a plain entry ends is told without decoding it, and of cut ones it is not', () => {
    let plain = 0
    fc.assert(
      fc.property(entries, entries, (entry, next) => {
        const bytes = encode(entry, next)
        const { length } = encode(entry)
        const isPlain =
          (entry.kind === 'file' || entry.kind === 'directory') &&
          entry.xattrs.length === 0 &&
          entry.link === undefined &&
          nameToBytes(entry.name).length < 128
        if (isPlain) plain++
        assert.equal(endOfPlainEntry(bytes, 0), isPlain ? length : -1)
        for (let cut = 0; cut < length; cut++) assert.equal(endOfPlainEntry(bytes.subarray(0, cut), 0), -1)
      }),
      runs,
    )
    assert.ok(plain > 0)
  })

  test('equal entries have equal encodings, and only they', () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        assert.equal(Buffer.compare(encode(a), encode(b)) === 0, equalEntries(a, b))
      }),
      runs,
    )
    // Two at random differ in most things: change one thing only.
    fc.assert(
      fc.property(entries, entries, fc.nat(), (a, b, seed) => {
        const keys = Object.keys(a).filter((key) => key in b && key !== 'kind') as (keyof Entry)[]
        const key = keys[seed % keys.length]!
        const mixed = { ...a, [key]: b[key] } as Entry
        assert.equal(Buffer.compare(encode(a), encode(mixed)) === 0, equalEntries(a, mixed), key)
      }),
      runs,
    )
  })

  test('entries follow one another without anything between them', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 5 }), (list) => {
        const reader = new Reader(encode(...list), 'entries')
        for (const entry of list) assert.ok(equalEntries(decodeEntry(reader), entry))
        reader.end()
      }),
      runs,
    )
  })

  test('names that leave their directory are refused', () => {
    for (const name of ['', '.', '..', '/', 'a/b', '/a', 'a/', '../a', 'a\0', '\0']) {
      assert.equal(isSafeName(name), false)
      assert.throws(() => decode(encode(fileEntry(name))), isCorrupt, JSON.stringify(name))
    }
    for (const name of ['...', '. ', ' ', '\\', 'a\\b', 'C:', '-rf', '~', '\n', '\udcff'])
      assert.equal(decode(encode(fileEntry(name))).name, name)
    for (const link of ['', '/', '/a', 'a/', 'a//b', '../a', 'a/../b', './a', 'a/\0'])
      assert.throws(() => decode(encode({ ...fileEntry('f'), link })), isCorrupt, JSON.stringify(link))
  })

  test('a root has no name, and nothing else may lack one', () => {
    assert.equal(decode(encode(fileEntry('')), true).name, '')
    assert.throws(() => decode(encode(fileEntry('a')), true), isCorrupt)
  })

  test('what contradicts itself is refused', () => {
    const content = { depth: 0, id: '\x07'.repeat(32) }
    const file = fileEntry('f', 5, content)
    const refused: Entry[] = [
      fileEntry('f', 5),
      fileEntry('f', 0, content),
      { ...file, unreadable: true },
      { ...file, mode: 0o10000 },
      { ...file, uid: 2 ** 32 },
      { ...file, gid: 2 ** 32 },
      { ...file, content: { depth: 7, id: content.id } },
      { ...file, kind: 'symlink', target: '' },
      { ...file, kind: 'symlink', target: 'a' },
      { ...file, kind: 'fifo' },
      { ...file, kind: 'block-device', major: 1, minor: 2 },
      { ...file, kind: 'directory', count: 0 },
      { ...file, kind: 'directory', count: 1, link: 'a' },
      { ...file, xattrs: ['b', 'a'].map((name) => ({ name, value: new Uint8Array() })) },
      { ...file, xattrs: ['a', 'a'].map((name) => ({ name, value: new Uint8Array() })) },
    ]
    for (const entry of refused)
      assert.throws(() => decode(encode(entry)), isCorrupt, JSON.stringify(entry.kind))
    assert.ok(decode(encode(file)))
    const flagged = (entry: Entry, flags: number, end: number[] = []): Uint8Array => {
      const bytes = Buffer.concat([encode(entry), Uint8Array.from(end)])
      bytes[0] = bytes[0]! ^ flags
      return bytes
    }
    const directory: Entry = { ...file, kind: 'directory', count: 1 }
    assert.ok(decode(encode(directory)))
    assert.throws(() => decode(flagged(file, 1)), isCorrupt, 'no kind')
    assert.throws(() => decode(flagged(directory, 0x40)), isCorrupt, 'an unstable directory')
    assert.throws(() => decode(flagged(file, 0x08, [0])), isCorrupt, 'no extended attributes')
  })

  test('what could not be read again is not written', () => {
    const value = new Uint8Array(65_537)
    const name = 'é'.repeat(513)
    assert.throws(() => encode(fileEntry(name)), isLimit)
    assert.throws(() => encode({ ...fileEntry('f'), link: 'a'.repeat(65_537) }), isLimit)
    assert.throws(() => encode({ ...fileEntry('f'), xattrs: [{ name: 'user.a', value }] }), isLimit)
    const xattrs = Array.from({ length: 16_385 }, (_, n) => ({ name: `${n + 1e6}`, value: new Uint8Array() }))
    assert.throws(() => encode({ ...fileEntry('f'), xattrs }), isLimit)
    assert.equal(decode(encode({ ...fileEntry('f'), xattrs: xattrs.slice(1) })).xattrs.length, 16_384)
    assert.equal(decode(encode(fileEntry(name.slice(1)))).name.length, 512)
  })
})
