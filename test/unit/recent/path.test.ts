import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import {
  checkPath,
  isIndexPath,
  nameOfIndex,
  parseDetail,
  parseIndexName,
} from '../../../src/recent/index.ts'

test('paths that lead nowhere else', () => {
  for (const path of [
    'a',
    'a/b',
    '...',
    '.a',
    'a b',
    'a\nb',
    '-x',
    'é'.repeat(127),
    `${'x'.repeat(200)}/y`,
    '\udcff',
  ])
    checkPath(path)
  const wrong = ['', '/', '/a', '..', '../a', 'a/../b', 'a/..', './a', 'a/./b', 'a//b', 'a/', 'a\0b', '\0']
  wrong.push('x'.repeat(256), 'é'.repeat(128), 'a/'.repeat(2100) + 'a', 'x'.repeat(1e6))
  wrong.push('.tidemark', '.tidemark/origin.db', 'a/.FRMRecent-RECENT-1h.yaml-x.yaml', 'a/.tidemark-12~')
  for (const path of wrong)
    assert.throws(
      () => checkPath(path),
      (error) =>
        isTidemarkError(error, 'corrupt') && error.message.length < 1000 && error.message.includes('entry "'),
      path.slice(0, 100),
    )
})

test('which names are those of an index', () => {
  const own = [
    'RECENT-1h.yaml',
    'RECENT-Z.json',
    'RECENT-1h.yaml.new',
    'RECENT-1h.yaml.lock',
    'RECENT.recent',
  ]
  own.push(
    'RECENT-1h.yaml.lock/process',
    'RECENT.recent.123',
    'RECENT.head',
    'RECENT.sketch',
    'RECENT.head.new',
  )
  for (const path of own) assert.ok(isIndexPath(path, 'RECENT'), path)
  for (const path of [
    'RECENT',
    'RECENT-1h',
    'a/RECENT-1h.yaml',
    'RECENT-1x.yaml',
    'RECENT-1d.txt',
    'RECENT.txt',
    'RECENT-1h.yaml/x',
  ])
    assert.ok(!isIndexPath(path, 'RECENT'), path)
  const name = { root: 'A-1h.b', interval: '1h', suffix: '.yaml' }
  assert.deepEqual(parseIndexName(nameOfIndex(name)), name)
  assert.equal(parseIndexName('RECENT-1x.yaml'), undefined)
})

test('what is no detail is refused', () => {
  const hash = 'A'.repeat(43)
  const good = `f 644 1795293134.123456789 12 ${hash}`
  assert.equal(parseDetail(good).kind, 'file')
  const wrong = [
    '',
    'f',
    'x 1',
    `${good} `,
    `f 888 1.000000000 12 ${hash}`,
    `f 644 1.0 12 ${hash}`,
    `f 644 1.000000000 -1 ${hash}`,
  ]
  wrong.push(
    `f 644 1.000000000 9999999999999999 ${hash}`,
    'd 755',
    'd 7777777 1.000000000',
    'l ',
    'l a b',
    'l %2',
    'l %00',
    'l a%2fb',
  )
  for (const text of wrong)
    assert.throws(
      () => parseDetail(text),
      (error) => isTidemarkError(error, 'corrupt'),
      text,
    )
})
