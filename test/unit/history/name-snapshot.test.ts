import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { newestFirst, type LoggedSnapshot } from '../../../src/history/log.ts'
import { resolveSnapshot, shortId } from '../../../src/history/name-snapshot.ts'
import { idToHex } from '../../../src/object/id.ts'
import { makeSnapshot } from '../../suites/timeline.ts'

const now = new Date(2026, 10, 21, 15, 30)

/** One snapshot every day at noon (local time) from 1 to 20 November, the tenth with a tag. */
const line: LoggedSnapshot[] = []
for (let day = 1; day <= 20; day++) {
  const time = new Date(2026, 10, day, 12).getTime()
  const tags = day === 10 ? ['before-upgrade'] : []
  line.push(makeSnapshot({ time, tags, parents: line.slice(-1).map(({ id }) => id) }))
}
const log = newestFirst(line)
const ofDay = (day: number): LoggedSnapshot => line[day - 1]!

async function resolves(text: string, expected: LoggedSnapshot): Promise<void> {
  const found = await resolveSnapshot(log, text, now)
  assert.equal(
    idToHex(found.id),
    idToHex(expected.id),
    `${text}: ${new Date(found.snapshot.time).toString()}`,
  )
}

async function refuses(text: string, code: 'missing' | 'usage', words: RegExp): Promise<void> {
  await assert.rejects(resolveSnapshot(log, text, now), (error) => {
    assert.ok(isTidemarkError(error, code), String(error))
    assert.match(error.message, words)
    return true
  })
}

suite('resolveSnapshot', () => {
  test('latest, tags, ids, and steps back from them', async () => {
    await resolves('latest', ofDay(20))
    await resolves('latest~3', ofDay(17))
    await resolves('before-upgrade', ofDay(10))
    await resolves('before-upgrade~1', ofDay(9))
    await resolves(idToHex(ofDay(7).id), ofDay(7))
    await resolves(shortId(ofDay(7).id), ofDay(7))
    await resolves(`${shortId(ofDay(7).id).toUpperCase()}~2`, ofDay(5))
  })

  test('dates and times', async () => {
    await resolves('2026-11-05', ofDay(5))
    await resolves('2026-11-05 11:59', ofDay(4))
    await resolves('2026-11-05T12:00', ofDay(5))
    await resolves('2026-11-05 11:59:59', ofDay(4))
    await resolves('2026-11-05 12:00:00', ofDay(5))
    await resolves(new Date(2026, 10, 5, 12).toISOString(), ofDay(5))
    await resolves(new Date(2026, 10, 5, 11, 59, 59).toISOString(), ofDay(4))
    await resolves('2026-11', ofDay(20))
    await resolves('2030-01-01', ofDay(20))
    await resolves('2026-11-20~1', ofDay(19))
  })

  test('words', async () => {
    await resolves('now', ofDay(20))
    await resolves('yesterday', ofDay(20))
    await resolves('3 days ago', ofDay(18))
    await resolves('2 days ago at 11:00', ofDay(18))
    await resolves('yesterday 11am', ofDay(19))
    await resolves('48 hours ago', ofDay(19))
    await resolves('monday', ofDay(16))
    await resolves('november 3', ofDay(3))
  })

  test('says what is near when there is none', async () => {
    await refuses('before-upgrad', 'missing', /tag before-upgrade/)
    await refuses('2020-01-01', 'missing', /the oldest is .* of 2026-11-01 12:00:00/)
    await refuses('latest~20', 'missing', /is the first/)
    await refuses('gibberish', 'missing', /the latest, /)
    await refuses(`${idToHex(ofDay(3).id).slice(0, 3)}zzz`, 'missing', new RegExp(shortId(ofDay(3).id)))
    await assert.rejects(resolveSnapshot([], 'latest', now), /no snapshot yet/)
  })

  test('refuses what has no clear sense', async () => {
    await refuses('', 'usage', /empty/)
    await refuses('2026-02-30', 'usage', /there is no 2026-02-30/)
    await refuses('2026-13-01', 'usage', /there is no/)
    await refuses('2026-11-05 24:00', 'usage', /there is no/)
    await refuses('05/11/2026', 'usage', /not clear/)
    await refuses('yesterday or so', 'missing', /no snapshot/)
  })

  test('refuses the beginning of several ids and names them', async () => {
    const ids = ['abcd1', 'abcd2', 'ffff0'].map((begin) => {
      const hex = begin.padEnd(64, '0')
      return String.fromCharCode(...Buffer.from(hex, 'hex'))
    })
    const several = ids.map((id) => ({ id, snapshot: ofDay(1).snapshot }))
    await assert.rejects(resolveSnapshot(several, 'abcd', now), /several snapshots: abcd10000000 .*, abcd2/)
    assert.equal((await resolveSnapshot(several, 'ffff', now)).id, ids[2])
  })
})
