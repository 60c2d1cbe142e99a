import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '../../../src/errors.ts'
import {
  compareEpochs,
  emptyFile,
  increaseEpoch,
  isEpoch,
  parseDetail,
  parseRecentfile,
  printDetail,
  produce,
  rebuild,
  RecentReader,
  serialise,
  type Detail,
  type RecentEvent,
  type Recentfile,
} from '../../../src/recent/index.ts'
import { fuzz, names } from '../../suites/arbitraries.ts'
import { mutate } from '../../suites/mutations.ts'
import { seededRandom } from '../../suites/random.ts'

const epochs = fc
  .tuple(
    fc.bigInt(-(10n ** 4n), 10n ** 11n),
    fc.option(fc.stringMatching(/^[0-9]{1,12}$/), { nil: undefined }),
  )
  .map(([whole, fraction]) => (fraction === undefined ? `${whole}` : `${whole}.${fraction}`))
const paths = fc
  .array(
    fc.oneof(
      names,
      fc.stringMatching(/^[ -~]{1,6}$/),
      fc.string({ unit: 'binary', maxLength: 5, minLength: 1 }),
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((parts) => parts.join('/'))
  .filter((path) => path.isWellFormed() || !/[\ud800-\udbff]|[\udc00-\udc7f]/.test(path))
const events: fc.Arbitrary<RecentEvent[]> = fc.array(
  fc.record({
    epoch: epochs,
    path: paths,
    type: fc.constantFrom('new' as const, 'delete' as const),
    detail: fc.oneof(fc.constant(undefined), fc.string({ unit: 'grapheme-ascii', maxLength: 9 })),
  }),
  { maxLength: 8 },
)
const files: fc.Arbitrary<Recentfile> = fc
  .record({
    events,
    suffix: fc.constantFrom('.yaml' as const, '.json' as const),
    comment: fc.option(paths, { nil: undefined }),
    dirtymark: fc.option(epochs, { nil: undefined }),
    merged: fc.option(
      fc.oneof(fc.constant({}), fc.record({ epoch: epochs, intoInterval: fc.constant('1d') })),
      {
        nil: undefined,
      },
    ),
    bare: fc.boolean(),
  })
  .map(({ bare, suffix, comment, dirtymark, merged, ...rest }) => {
    const { meta } = emptyFile({ interval: '1h', aggregator: ['1d', 'Z'], suffix, comment })
    const names = { $0: '/x y: z', 'a::b': '1.0' }
    const file = produce({ ...meta, dirtymark, merged }, rest.events, { now: () => '5.5', names })
    return bare ? { events: rest.events, meta: parseRecentfile(Buffer.from('[]')).meta } : file
  })

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('what is written is read again, in whatever pieces it comes, and put together again', () => {
  fc.assert(
    fc.property(files, fc.integer({ min: 1, max: 40 }), (file, size) => {
      const bytes = serialise(file)
      assert.deepEqual(plain(parseRecentfile(bytes)), plain(file))
      const reader = new RecentReader()
      const read: RecentEvent[] = []
      for (let at = 0; at < bytes.length; at += size) read.push(...reader.push(bytes.subarray(at, at + size)))
      read.push(...reader.end())
      assert.deepEqual(plain(read), plain(file.events))
      assert.ok(Buffer.concat([...rebuild(reader.preamble!, read)]).equals(bytes))
    }),
    { numRuns: 500 * fuzz },
  )
})

function outcome(read: () => RecentEvent[]): unknown {
  try {
    return read()
  } catch (error) {
    assert.ok(isTidemarkError(error, 'corrupt', 'limit'), String(error))
    return error.code
  }
}

test('damaged files give a typed error or some events, at once and in pieces the same', () => {
  const random = seededRandom(7)
  fc.assert(
    fc.property(files, fc.integer({ min: 1, max: 64 }), (file, size) => {
      const bytes = mutate(serialise(file), random)
      const whole = outcome(() => [...parseRecentfile(bytes).events])
      const pieces = outcome(() => {
        const reader = new RecentReader()
        const read: RecentEvent[] = []
        for (let at = 0; at < bytes.length; at += size)
          read.push(...reader.push(bytes.subarray(at, at + size)))
        return [...read, ...reader.end()]
      })
      assert.deepEqual(pieces, whole)
    }),
    { numRuns: 1500 * fuzz },
  )
})

test('increaseEpoch: strictly between, as often as one likes', () => {
  fc.assert(
    fc.property(epochs, fc.option(epochs, { nil: undefined }), (epoch, below) => {
      if (below !== undefined && compareEpochs(epoch, below) >= 0) return
      let last = epoch
      for (let times = 0; times < 20; times++) {
        const next = increaseEpoch(last, below)
        assert.ok(isEpoch(next), next)
        assert.ok(compareEpochs(last, next) < 0, `${last} ${next}`)
        assert.ok(below === undefined || compareEpochs(next, below) < 0)
        last = next
      }
    }),
    { numRuns: 500 * fuzz },
  )
})

test('compareEpochs is an order', () => {
  fc.assert(
    fc.property(epochs, epochs, epochs, (a, b, c) => {
      assert.equal(Math.sign(compareEpochs(a, b)), -Math.sign(compareEpochs(b, a)) || 0)
      if (compareEpochs(a, b) <= 0 && compareEpochs(b, c) <= 0) assert.ok(compareEpochs(a, c) <= 0)
      if (Math.abs(Number(a) - Number(b)) > 1) {
        assert.equal(Math.sign(compareEpochs(a, b)), Math.sign(Number(a) - Number(b)))
      }
    }),
    { numRuns: 1000 * fuzz },
  )
})

const times = fc.bigInt(-(10n ** 19n), 10n ** 19n)
const details: fc.Arbitrary<Detail> = fc.oneof(
  fc.record({
    kind: fc.constant('file' as const),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    mtimeNs: times,
    size: fc.maxSafeNat(),
    hash: fc.stringMatching(/^[A-Za-z0-9_-]{43}$/),
  }),
  fc.record({
    kind: fc.constant('directory' as const),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    mtimeNs: times,
  }),
  fc.record({ kind: fc.constant('symlink' as const), target: names }),
)

test('details are read as they were printed', () => {
  fc.assert(
    fc.property(details, (detail) => {
      const text = printDetail(detail)
      assert.match(text, /^[ -~]+$/)
      assert.deepEqual(parseDetail(text), { ...detail })
    }),
    { numRuns: 500 * fuzz },
  )
})
