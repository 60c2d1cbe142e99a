import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PlacedEntries } from '../../../../src/folder/scan/placed.ts'
import type { FileStat } from '../../../../src/folder/system/file-stat.ts'
import { isRoundedTime } from '../../../../src/folder/system/rounded-time.ts'
import type { FileEntry } from '../../../../src/object/entry.ts'
import { idOf } from '../../../../src/object/id.ts'
import { fileEntry } from '../../../suites/plant.ts'

const content = { depth: 0, id: idOf(new Uint8Array(5)) }
const placedAt = 1_790_000_000_123_456_789n

function entry(name: string, more: Partial<FileEntry> = {}): FileEntry {
  return { ...fileEntry(name, 5, content), ...more }
}

/** What a file with this entry shows. */
function shows({ mode, uid, gid, mtimeNs, size }: FileEntry, more: Partial<FileStat> = {}): FileStat {
  const common = { kind: 'file', ino: 7n, dev: 1n, nlink: 1, ctimeNs: placedAt, rdev: 0n, blocks: 8 } as const
  return { ...common, mode, uid, gid, mtimeNs, size, ...more }
}

suite('what was placed', () => {
  test('is known by what it shows, and by nothing less', () => {
    const placed = new PlacedEntries()
    const one = entry('n\udc80')
    placed.note('d', one, shows(one), true)
    const found = placed.find('d', one.name, shows(one))
    assert.deepEqual({ ...found, link: undefined }, { ...one, link: undefined })
    assert.equal(placed.find('e', one.name, shows(one)), undefined)
    assert.equal(placed.find('d', 'm', shows(one)), undefined)
    const others: Partial<FileStat>[] = [
      { ino: 8n },
      { ctimeNs: placedAt + 1n },
      { mtimeNs: one.mtimeNs + 1n },
      { size: 6 },
      { mode: 0o600 },
      { uid: 1 },
      { gid: 1 },
      { kind: 'fifo' },
    ]
    for (const other of others) assert.equal(placed.find('d', one.name, shows(one, other)), undefined)
  })

  test('is all that its entry says, also what the system would not take', () => {
    const placed = new PlacedEntries()
    const one = entry('n', { mtimeNs: 1_700_000_000_123_456_789n })
    const rounded = shows(one, { mtimeNs: 1_700_000_000_000_000_000n, uid: 5, gid: 6, mode: 0o755 })
    placed.note('', one, rounded, false)
    assert.equal(placed.find('', 'n', rounded)?.mtimeNs, one.mtimeNs)
    assert.equal(placed.find('', 'n', shows(one)), undefined)
  })

  test('is not noted when it shows what its entry does not say, or a change of it would not show', () => {
    const one = entry('n')
    const noted = (stat: FileStat, isWhole: boolean, of = one): boolean => {
      const placed = new PlacedEntries()
      placed.note('', of, stat, isWhole)
      return placed.size === 1
    }
    assert.ok(noted(shows(one), true))
    assert.equal(noted(shows(one, { size: 6 }), true), false)
    assert.equal(noted(shows(one, { mode: 0o600 }), true), false)
    assert.equal(noted(shows(one, { mtimeNs: one.mtimeNs - 3_000_000_000n }), false), false)
    // Written to again at once, it could show the same.
    assert.equal(noted(shows(one, { ctimeNs: one.mtimeNs + 1_000_000n }), true), false)
    const unstable = entry('n', { unstable: true })
    assert.equal(noted(shows(unstable), true, unstable), false)
  })

  test('is known after it got another name, if it was what it was', () => {
    const placed = new PlacedEntries()
    const one = entry('n')
    placed.note('', one, shows(one), true)
    const later = shows(one, { ctimeNs: placedAt + 5n, nlink: 2 })
    placed.renew('', 'n', shows(one, { ctimeNs: placedAt + 1n }), later)
    assert.equal(placed.find('', 'n', later), undefined)
    placed.renew('', 'n', shows(one), later)
    assert.ok(placed.find('', 'n', later))
    assert.equal(placed.size, 1)
  })

  test('takes some hundred bytes each', () => {
    const count = 50_000
    const before = process.memoryUsage().arrayBuffers
    const placed = new PlacedEntries()
    for (let n = 0; n < count; n++) {
      const one = entry(`file ${n}`)
      placed.note(`directory ${n % 100}`, one, shows(one, { ino: BigInt(n) }), true)
    }
    assert.equal(placed.size, count)
    const bytes = process.memoryUsage().arrayBuffers - before
    // Tables that were outgrown may not have been collected yet.
    assert.ok(bytes < 110 * count, `${bytes / count} bytes each`)
    for (let n = 0; n < count; n += 997) {
      const name = `file ${n}`
      assert.equal(
        placed.find(`directory ${n % 100}`, name, shows(entry(name), { ino: BigInt(n) }))?.name,
        name,
      )
    }
  })
})

test('times that file systems make of others', () => {
  const given = 1_700_000_001_123_456_789n
  const shown = [
    given,
    1_700_000_001_123_456_700n,
    1_700_000_001_123_456_000n,
    1_700_000_001_120_000_000n,
    1_700_000_001_000_000_000n,
    1_700_000_000_000_000_000n,
  ]
  for (const time of shown) assert.ok(isRoundedTime(given, time), `${time}`)
  const others = [given + 5000n, given - 5000n, 1_700_000_002_000_000_000n, 1_699_999_999_000_000_000n, 0n]
  for (const time of others) assert.equal(isRoundedTime(given, time), false, `${time}`)
  assert.ok(isRoundedTime(3_000_000_000_000_000_000n, (2n ** 31n - 1n) * 1_000_000_000n))
  assert.ok(isRoundedTime(-5n * 10n ** 18n, 0n))
})
