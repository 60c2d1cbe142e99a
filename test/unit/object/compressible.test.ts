import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { looksCompressible } from '../../../src/object/compressible.ts'

const program = readFileSync(process.execPath).subarray(0, 16 << 20)
const hex = (length: number): Buffer => Buffer.from(noise(length).toString('hex').slice(0, length))
const prose = Buffer.from(looksCompressible.toString().repeat(5000))
const json = Buffer.from(
  JSON.stringify(Array.from({ length: 60_000 }, (_, i) => ({ id: i, name: `n${i}`, on: i % 3 === 0 }))),
)

/** Bytes without a pattern, the same in every run. */
function noise(length: number): Buffer {
  const out = Buffer.alloc(length)
  for (let at = 0; at < length; at += 32) createHash('sha256').update(`${at}`).digest().copy(out, at)
  return out
}

const random = noise(4 << 20)

/** The share of pieces of `length` bytes, from all over `bytes`, that the test takes for compressible. */
function share(bytes: Uint8Array, length: number): number {
  let yes = 0
  let all = 0
  for (let at = 0; at + length <= bytes.length; at += length, all++) {
    if (looksCompressible(bytes.subarray(at, at + length))) yes++
  }
  assert.ok(all > 0)
  return yes / all
}

suite('looksCompressible', () => {
  for (const length of [1024, 4096, 65_536, 1 << 20]) {
    test(`tells real data apart in pieces of ${length} bytes`, () => {
      assert.equal(share(prose, length), 1, 'source text')
      assert.equal(share(json, length), 1, 'JSON')
      assert.equal(share(hex(2 << 20), length), 1, 'hexadecimal digits')
      assert.ok(share(program, length) > 0.95, 'an executable')
      assert.equal(share(random, length), 0, 'noise')
    })
  }

  test('leaves compressed data alone', () => {
    // The program's bytes at a low level: what compresses worst is best to find a skew in.
    for (const packed of [
      zstdCompressSync(program, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
      gzipSync(program, { level: 6 }),
      brotliCompressSync(program, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    ]) {
      assert.ok(share(packed, 4096) < 0.1)
      assert.ok(share(packed, 65_536) < 0.1)
      assert.ok(share(packed, 1 << 20) < 0.1)
    }
  })

  test('takes random bytes of any length for what they are', () => {
    let wrong = 0
    for (let length = 32; length < 4000; length++)
      if (looksCompressible(random.subarray(length * 1000).subarray(0, length))) wrong++
    assert.ok(wrong <= 2, `${wrong} of 3968`)
  })

  test('sees a compressible quarter wherever it lies', () => {
    for (const length of [2048, 65_536, 1_000_003]) {
      const quarter = length >> 2
      for (const at of [0, quarter, length - quarter]) {
        const bytes = noise(length)
        bytes.set(prose.subarray(0, quarter), at)
        assert.equal(looksCompressible(bytes), true, `${length} bytes, the quarter at ${at}`)
      }
    }
  })

  test('is not misled by a regular mark in random data', () => {
    for (const page of [512, 1024, 2048, 4096]) {
      const bytes = noise(1 << 20)
      for (let at = 0; at < bytes.length; at += page) bytes.fill(0, at, at + 8)
      assert.equal(looksCompressible(bytes), false, `8 zeros every ${page} bytes`)
    }
  })

  test('lets tiny inputs pass, and finds text in small ones', () => {
    for (let length = 0; length < 32; length++) assert.equal(looksCompressible(noise(length)), true)
    for (let length = 40; length < 1100; length += 7)
      assert.equal(looksCompressible(json.subarray(0, length)), true)
  })

  test('reads nothing outside its bytes and changes none', () => {
    for (const length of [33, 1023, 1024, 1025, 1027, 5000]) {
      const around = Buffer.alloc(length + 200)
      const inside = around.subarray(100, 100 + length)
      noise(length).copy(inside)
      assert.equal(looksCompressible(inside), looksCompressible(noise(length)))
      assert.ok(inside.equals(noise(length)))
    }
  })
})
