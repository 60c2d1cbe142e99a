import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dirty, mostDirectories } from '../../../../src/folder/watch/dirty.ts'

const delays = { debounceMs: 2000, maxDelayMs: 30_000 }

test('nothing is due before something has changed', () => {
  assert.equal(new Dirty(delays).dueAt, undefined)
})

test('it is due some time after the last change', () => {
  const dirty = new Dirty(delays)
  dirty.add('a', 1000)
  assert.equal(dirty.dueAt, 3000)
  dirty.add('b', 2500)
  assert.equal(dirty.dueAt, 4500)
  assert.deepEqual(dirty.take(), { only: new Set(['a', 'b']) })
  assert.equal(dirty.dueAt, undefined)
})

test('changes that never end do not put it off for ever', () => {
  const dirty = new Dirty(delays)
  for (let now = 1000; now <= 60_000; now += 1000) dirty.add('log', now)
  assert.equal(dirty.dueAt, 31_000)
})

test('what is noted while a look goes on is for the next', () => {
  const dirty = new Dirty(delays)
  dirty.add('a', 0)
  const batch = dirty.take()
  dirty.add('b', 10)
  assert.deepEqual(batch, { only: new Set(['a']) })
  assert.equal(dirty.dueAt, 2010)
  dirty.putBack(batch, 20)
  assert.deepEqual(dirty.take(), { only: new Set(['a', 'b']) })
})

test('so many directories are as good as all', () => {
  const dirty = new Dirty(delays)
  for (let n = 0; n < mostDirectories; n++) dirty.add(`d${n}`, 0)
  const { only } = dirty.take()
  assert.equal(only?.size, mostDirectories)
  for (let n = 0; n <= mostDirectories; n++) dirty.add(`d${n}`, 0)
  dirty.add('another', 0)
  assert.deepEqual(dirty.take(), { why: 'many' })
})

test('everything is more than some, and its first reason is told', () => {
  const dirty = new Dirty(delays)
  dirty.add('a', 0)
  dirty.addEverything('rules', 5)
  dirty.add('b', 10)
  dirty.addEverything('lost', 15)
  assert.equal(dirty.dueAt, 2015)
  const batch = dirty.take()
  assert.deepEqual(batch, { why: 'rules' })
  dirty.putBack(batch, 0)
  assert.deepEqual(dirty.take(), { why: 'rules' })
})
