import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { emptyFile, news, overview, parseRecentfile, type NewsQuery } from '../../../src/recent/index.ts'

const golden = join(import.meta.dirname, '../../golden/recent/06-t13-f6'.replace('06', '10-evolution/06'))
const files = ['2s', '4s', '8s', 'Z'].map((interval) =>
  parseRecentfile(readFileSync(join(golden, `RECENT-${interval}.yaml`))),
)

function told(query: NewsQuery): string {
  return [...news(files, query)].map(({ path, type }) => (type === 'new' ? path : `-${path}`)).join(' ')
}

test('news: each path once, newest first', () => {
  assert.equal(told({}), 'f6 f5 f2 f4 f3')
  assert.equal(told({ max: 2 }), 'f6 f5')
  assert.equal(told({ max: 0 }), '')
  assert.equal(told({ after: '1795293239.01641' }), 'f6')
  assert.equal(told({ before: '1795293239.01641' }), 'f2 f4 f3')
  assert.equal(told({ before: '1795293239.01641', max: 1 }), 'f2')
  assert.equal(told({ contains: { path: 'f4' } }), 'f4')
  assert.equal(told({ contains: { epoch: '1795293234.77960' } }), 'f2')
  assert.equal(told({ contains: { type: 'delete' } }), '')
})

test('news: longer files are not asked for when the answer is complete', () => {
  const asked: string[] = []
  function* lazily(): Generator<(typeof files)[number]> {
    for (const file of files) {
      asked.push(file.meta.interval)
      yield file
    }
  }
  assert.equal([...news(lazily(), { max: 2 })].length, 2)
  assert.deepEqual(asked, ['2s'])
})

test('news: deletes can be left out', () => {
  const step = readFileSync(join(golden, '../02-t2.2-add-delete-modify/RECENT-2s.yaml'))
  const list = (query: NewsQuery): number => [...news([parseRecentfile(step)], query)].length
  assert.equal(list({}), 4)
  assert.equal(list({ skipDeletes: true }), 3)
})

test('overview: a row for each file', () => {
  const rows = overview([...files, emptyFile({ interval: '1Y', aggregator: [] })])
  assert.deepEqual(
    rows.map(({ interval, count, util, cloud }) => [interval, count, util?.toFixed(3), cloud]),
    [
      ['2s', 2, '3.535', '^^ '],
      ['4s', 2, '1.768', '^^ '],
      ['8s', 2, '0.884', '^^ '],
      ['Z', 5, undefined, '^ ^'],
      ['1Y', 0, undefined, '   '],
    ],
  )
})
