import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { checkChunkClasses, chunkClass, chunkClasses } from '../../../src/object/chunk-class.ts'

const MiB = 1 << 20

/** Of the classes of contents of these lengths, in KiB. */
function averages(...lengths: number[]): number[] {
  return lengths.map((length) => chunkClass(length).average / 1024)
}

suite('chunkClass', () => {
  test('goes by the length of the content, bounds included', () => {
    assert.deepEqual(averages(0, 1, 3 * MiB), [16, 16, 16])
    assert.deepEqual(averages(3 * MiB + 1, 384 * MiB), [64, 64])
    assert.deepEqual(averages(384 * MiB + 1, 1536 * MiB), [256, 256])
    assert.deepEqual(averages(1536 * MiB + 1, 2 ** 40, Number.MAX_SAFE_INTEGER), [1024, 1024, 1024])
  })

  test('has no class for what is no length', () => {
    assert.throws(() => chunkClass(Number.NaN), RangeError)
    assert.throws(() => chunkClass(Infinity), RangeError)
  })
})

suite('checkChunkClasses', () => {
  const top = Number.MAX_SAFE_INTEGER
  const good = { upTo: top, min: 64, average: 4096, max: 16 * MiB }

  test('lets pass what JSON makes of the classes in use, and the extremes', () => {
    assert.deepEqual(checkChunkClasses(JSON.parse(JSON.stringify(chunkClasses))), chunkClasses)
    assert.deepEqual(checkChunkClasses([good]), [good])
    const tight = { upTo: top, min: 4 * MiB, average: 4 * MiB, max: 4 * MiB }
    assert.deepEqual(checkChunkClasses([{ ...tight, extra: 1 }]), [tight])
  })

  test('refuses everything else as corrupt', () => {
    const bad: unknown[] = [
      undefined,
      null,
      {},
      'classes',
      [],
      [null],
      [7],
      Array.from({ length: 17 }, (_, i) => ({ ...good, upTo: i === 16 ? top : i + 1 })),
      [{ ...good, upTo: 5 }],
      [{ ...good, upTo: 5 }, { ...good, upTo: 5 }, good],
      [good, good],
      [{ ...good, upTo: 0 }, good],
      [{ ...good, upTo: null }],
    ]
    const values: ReadonlyArray<readonly [string, readonly unknown[]]> = [
      ['min', [63, 0, -64, 64.5, 4097, Number.NaN, '64', undefined]],
      ['average', [2048, 8 * MiB, 5000, 4096.5, -4096, Infinity, '4096', null]],
      ['max', [4095, 16 * MiB + 1, 0, 2 ** 32 + 8192, {}]],
    ]
    for (const [key, list] of values) for (const value of list) bad.push([{ ...good, [key]: value }])
    for (const value of bad) {
      assert.throws(
        () => checkChunkClasses(value),
        (error) => isTidemarkError(error, 'corrupt'),
        JSON.stringify(value),
      )
    }
  })
})
