import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { Reader } from '../../../src/bytes/reader.ts'
import { Writer } from '../../../src/bytes/writer.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { fuzz, names } from '../../suites/arbitraries.ts'

const runs = { numRuns: 300 * fuzz }
const isCorrupt = (error: unknown): boolean => isTidemarkError(error, 'corrupt')

/** Something to write, and how to read it back. */
const steps = fc.oneof(
  fc.nat(255).map((value) => ({ write: (w: Writer) => w.u8(value), read: (r: Reader) => r.u8(), value })),
  fc
    .nat(0xffff_ffff)
    .map((value) => ({ write: (w: Writer) => w.u32(value), read: (r: Reader) => r.u32(), value })),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map((value) => ({ write: (w: Writer) => w.i64(value), read: (r: Reader) => r.i64(), value })),
  fc
    .oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(127, 128, 2 ** 49 - 1, 2 ** 49, 2 ** 53 - 1))
    .map((value) => ({ write: (w: Writer) => w.varint(value), read: (r: Reader) => r.varint(), value })),
  fc.uint8Array({ maxLength: 300 }).map((value) => ({
    write: (w: Writer) => w.prefixed(value),
    read: (r: Reader) => Uint8Array.from(r.prefixed(300)),
    value,
  })),
  fc.uint8Array({ maxLength: 300 }).map((value) => ({
    write: (w: Writer) => w.raw(value),
    read: (r: Reader) => Uint8Array.from(r.take(value.length)),
    value,
  })),
  names.map((value) => ({
    write: (w: Writer) =>
      w.prefixed(Buffer.from(value, 'utf8').length === 0 ? new Uint8Array() : bytesOf(value)),
    read: (r: Reader) => r.name(1000),
    value,
  })),
)

function bytesOf(name: string): Uint8Array {
  const writer = new Writer()
  for (const character of name) {
    const code = character.charCodeAt(0)
    if (code >= 0xdc80 && code <= 0xdcff && character.length === 1) writer.u8(code - 0xdc00)
    else writer.raw(Buffer.from(character))
  }
  return writer.finish()
}

suite('Reader and Writer', () => {
  test('read back what was written, and not a byte more', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 30 }), fc.nat(64), (steps, capacity) => {
        const writer = new Writer(capacity)
        for (const { write } of steps) write(writer)
        const bytes = writer.finish()
        assert.equal(bytes.length, writer.length)
        const reader = new Reader(bytes, 'test')
        for (const { read, value } of steps) assert.deepEqual(read(reader), value)
        reader.end()
        assert.throws(() => reader.u8(), isCorrupt)
      }),
      runs,
    )
  })

  test('a cut is noticed, and nothing behind it is read', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 8 }), fc.nat(), (steps, seed) => {
        const writer = new Writer()
        for (const { write } of steps) write(writer)
        if (writer.length === 0) return
        const whole = writer.finish()
        const reader = new Reader(whole.subarray(0, seed % whole.length), 'test')
        assert.throws(() => {
          for (const { read } of steps) read(reader)
        }, isCorrupt)
        assert.ok(reader.offset <= reader.bytes.length)
      }),
      runs,
    )
  })

  test('a number has one form only', () => {
    const refused = [
      [0x80, 0x00],
      [0xff, 0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      [...Array.from({ length: 400 }, () => 0x80), 0x01],
      [0x80],
      [],
    ]
    for (const bytes of refused)
      assert.throws(() => new Reader(Uint8Array.from(bytes), 'test').varint(), isCorrupt, bytes.join())
    const largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]
    assert.equal(new Reader(Uint8Array.from(largest), 'test').varint(), Number.MAX_SAFE_INTEGER)
  })

  test('a length beyond the limit is refused before anything is taken', () => {
    const bytes = new Writer().prefixed(new Uint8Array(20)).finish()
    assert.throws(() => new Reader(bytes, 'test').prefixed(19), isCorrupt)
    assert.throws(() => new Reader(bytes, 'test').name(19), isCorrupt)
    assert.equal(new Reader(bytes, 'test').prefixed(20).length, 20)
  })

  test('characters below U+0100 are written as a byte each', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1')
        assert.deepEqual([...new Writer(1).latin1(text).finish()], [...bytes])
      }),
      runs,
    )
  })

  test('a view follows what is written, a reset forgets it', () => {
    const writer = new Writer(1).u8(1).u8(2).u8(3)
    assert.deepEqual([...writer.view()], [1, 2, 3])
    writer.reset()
    assert.deepEqual([...writer.u8(9).finish()], [9])
  })
})
