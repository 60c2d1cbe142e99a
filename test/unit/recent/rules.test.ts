import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  aggregate,
  emptyFile,
  epochOfMicroseconds,
  isOrdered,
  merge,
  parseRecentfile,
  putInOrder,
  update,
  type Producer,
  type Recentfile,
} from '../../../src/recent/index.ts'
import { MemoryShelf } from '../../suites/memory-shelf.ts'

const golden = join(import.meta.dirname, '../../golden/recent')

/** Goes on by ten microseconds at each look. */
function ticking(start: bigint): Producer & { micros: bigint } {
  return {
    micros: start,
    now() {
      this.micros += 10n
      return epochOfMicroseconds(this.micros)
    },
    names: {},
  }
}

function standing(epoch: string): Producer {
  return { now: () => epoch, names: {} }
}

function list({ events }: Recentfile): string[] {
  return events.map(({ path, type }) => (type === 'new' ? path : `-${path}`))
}

test('an event of the past comes to stand where the Perl program puts it, in all files', () => {
  const shelf = new MemoryShelf()
  const intervals = ['30s', '1m', '1h', '1d', 'Z']
  for (const interval of intervals) {
    shelf.clock = 1_795_293_114
    shelf.write(
      parseRecentfile(readFileSync(join(golden, `02-after-add-and-delete/RECENT-${interval}.yaml`))),
    )
  }
  const producer = ticking(1_795_293_134_564_000n)
  shelf.clock = 1_795_293_134
  shelf.write(update(shelf.read('30s')!, [{ path: 'old.txt', type: 'new', epoch: '999.999' }], producer))
  aggregate('30s', shelf, producer, { force: true })
  aggregate('30s', shelf, producer, { force: true })
  const marks = new Set<string | undefined>()
  for (const interval of intervals) {
    const file = shelf.read(interval)!
    const expected = parseRecentfile(
      readFileSync(join(golden, `03-after-dirty-epoch-999.999/RECENT-${interval}.yaml`)),
    )
    assert.deepEqual(file.events, expected.events, interval)
    assert.equal(file.meta.merged?.intoInterval, expected.meta.merged?.intoInterval)
    assert.equal(file.meta.minmax?.min, file.events.at(-1)!.epoch)
    marks.add(file.meta.dirtymark)
  }
  assert.equal(marks.size, 1)
})

test('all changes of one moment get epochs of their own, in their order', () => {
  const file = emptyFile({ interval: '1h', aggregator: ['Z'] })
  const changes = Array.from({ length: 1000 }, (_, at) => ({ path: `f${at}`, type: 'new' as const }))
  for (const now of ['1795293114.25016', '1795293114', '1795293114.99999999', '0']) {
    const after = update(file, changes, standing(now))
    assert.ok(isOrdered(after.events))
    assert.deepEqual(
      list(after).toReversed(),
      changes.map(({ path }) => path),
    )
    // The clock stands still, and then goes back.
    const more = update(after, [{ path: 'more', type: 'new' }], standing(now))
    const still = update(more, [{ path: 'back', type: 'delete' }], standing('-5'))
    assert.ok(isOrdered(still.events))
    assert.deepEqual(list(still).slice(0, 3), ['-back', 'more', 'f999'])
  }
})

test('of a path told of twice only the last is kept', () => {
  const file = emptyFile({ interval: '1h', aggregator: ['Z'] })
  const after = update(
    file,
    [
      { path: 'a', type: 'new' },
      { path: 'b', type: 'new' },
      { path: 'a', type: 'delete' },
    ],
    standing('5'),
  )
  assert.deepEqual(list(after), ['-a', 'b'])
})

test('events of the past of one epoch are drawn apart, and what is known already changes nothing', () => {
  const file = update(
    emptyFile({ interval: '1h', aggregator: [] }),
    [{ path: 'a', type: 'new' }],
    standing('100'),
  )
  const dirty = ['b', 'c', 'd'].map((path) => ({ path, type: 'new' as const, epoch: '50' }))
  const after = update(file, dirty, standing('200'))
  assert.ok(isOrdered(after.events))
  assert.deepEqual(list(after), ['a', 'b', 'c', 'd'])
  assert.equal(after.events.at(-1)!.epoch, '50')
  assert.equal(after.meta.dirtymark, '200')
  const again = update(after, [dirty[2]!], standing('300'))
  assert.deepEqual(again.events, after.events)
  assert.equal(again.meta.dirtymark, '200')
})

test('an epoch of the future is one of now', () => {
  const file = emptyFile({ interval: '1h', aggregator: [] })
  const after = update(file, [{ path: 'a', type: 'new', epoch: '900' }], standing('200'))
  assert.equal(after.events[0]!.epoch, '200')
})

test('nothing is dropped that was not merged', () => {
  let file = emptyFile({ interval: '1m', aggregator: ['Z'] })
  file = update(file, [{ path: 'a', type: 'new' }], standing('100'))
  file = update(file, [{ path: 'b', type: 'new' }], standing('900'))
  assert.deepEqual(list(update(file, [], standing('5000'))), ['b', 'a'])
  const merged = merge(emptyFile({ interval: 'Z', aggregator: ['Z'] }), file, standing('901'))!
  assert.deepEqual(list(merged.longer), ['b', 'a'])
  const later = update(merged.shorter, [{ path: 'c', type: 'new' }], standing('5000'))
  // b is what the merging went up to: it stays, so that the two files overlap.
  assert.deepEqual(list(later), ['c', 'b'])
})

test('a lone delete leaves Z at once, and a delete that is kept stays', () => {
  const a = { path: 'a', type: 'new' } as const
  const first = update(
    emptyFile({ interval: '1m', aggregator: ['Z'] }),
    [a, { ...a, path: 'b' }],
    standing('10'),
  )
  const merged = merge(emptyFile({ interval: 'Z', aggregator: [] }), first, standing('11'))!
  const gone = update(merged.shorter, [{ path: 'a', type: 'delete' }], standing('12'))
  const after = merge(merged.longer, gone, standing('13'))!
  assert.deepEqual(list(after.longer), ['b'])
  const kept = merge(merged.longer, gone, standing('13'), { keepDeletes: true })!
  assert.deepEqual(list(kept.longer), ['-a', 'b'])
  assert.equal(merge(after.longer, after.shorter, standing('14')), undefined)
})

test('disorder, as the Perl program can leave it, is put right', () => {
  const events = [
    { epoch: '5', path: 'a', type: 'new' },
    { epoch: '9', path: 'b', type: 'new' },
    { epoch: '5.0', path: 'c', type: 'new' },
    { epoch: '4', path: 'b', type: 'delete' },
  ] as const
  const ordered = putInOrder(events)
  assert.ok(isOrdered(ordered))
  assert.deepEqual(
    ordered.map(({ path }) => path),
    ['b', 'a', 'c'],
  )
})

test('only the names of lengths at least the principal’s count, each length once', () => {
  const shelf = new MemoryShelf()
  const producer = ticking(1_795_293_134_000_000n)
  // rrr-init writes the principal into its own aggregator.
  const file = emptyFile({ interval: '1h', aggregator: ['Z', '1h', '1m', '1d'] })
  shelf.write(update(file, [{ path: 'a', type: 'new' }], producer))
  assert.deepEqual([...aggregate('1h', shelf, producer)].toSorted(), ['1d', '1h', 'Z'])
})
