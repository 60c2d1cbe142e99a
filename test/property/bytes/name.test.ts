import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compareBytes } from '../../../src/bytes/compare.ts'
import {
  compareNames,
  displayName,
  isAscii,
  nameFromBytes,
  nameInBytes,
  nameToBytes,
} from '../../../src/bytes/name.ts'
import { fuzz, names } from '../../suites/arbitraries.ts'

const runs = { numRuns: 500 * fuzz }
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  names.map((name) => nameToBytes(name)),
)

suite('names', () => {
  test('give back any bytes', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        assert.deepEqual([...nameToBytes(nameFromBytes(bytes))], [...bytes])
      }),
      runs,
    )
    for (let byte = 0; byte < 256; byte++) {
      for (const bytes of [[byte], [0x61, byte], [byte, 0x61], [0xc3, byte], [0xf0, 0x9f, 0x8c, byte]])
        assert.deepEqual([...nameToBytes(nameFromBytes(Uint8Array.from(bytes)))], bytes)
    }
  })

  test('are the text itself where the bytes are valid UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (text) => {
        assert.equal(nameFromBytes(new TextEncoder().encode(text)), text)
        assert.equal(isAscii(text), new TextEncoder().encode(text).length === text.length)
      }),
      runs,
    )
  })

  test('are found within other bytes', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, anyBytes, (before, bytes, after) => {
        const all = Buffer.concat([before, bytes, after])
        const end = before.length + bytes.length
        assert.equal(nameInBytes(all, before.length, end), nameFromBytes(bytes))
      }),
      runs,
    )
  })

  test('are ordered as their bytes are', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        const order = Math.sign(compareNames(nameFromBytes(a), nameFromBytes(b)))
        assert.equal(order, Math.sign(compareBytes(a, b)))
      }),
      runs,
    )
    // Shared beginnings are rare at random.
    fc.assert(
      fc.property(anyBytes, anyBytes, anyBytes, (same, a, b) => {
        const [one, other] = [Buffer.concat([same, a]), Buffer.concat([same, b])]
        const order = Math.sign(compareNames(nameFromBytes(one), nameFromBytes(other)))
        assert.equal(order, Math.sign(compareBytes(one, other)))
      }),
      runs,
    )
  })

  test('are shown without anything that moves the cursor, each in its own way', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        const [one, other] = [nameFromBytes(a), nameFromBytes(b)]
        assert.doesNotMatch(displayName(one), /\p{Cc}|\p{Cs}/u)
        assert.equal(displayName(one) === displayName(other), one === other)
      }),
      runs,
    )
    assert.equal(displayName('a\\b\n\t\u001b\udcff'), String.raw`a\\b\n\t\x1b\xff`)
  })
})
