import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { IndexLock } from '../../../src/mirror/origin/index-lock.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

function deadProcess(): number {
  return spawnSync('true').pid
}

test('the lock is the directory that the Perl programs know', async (t) => {
  const file = join(temporaryDirectory(t), 'RECENT-1h.yaml')
  const lock = await IndexLock.take(file, 0)
  assert.equal(readFileSync(`${file}.lock/process`, 'utf8'), `${process.pid}\n`)
  await assert.rejects(IndexLock.take(file, 20), (error) => isTidemarkError(error, 'busy'))
  const second = IndexLock.take(file, 10_000)
  lock.release()
  ;(await second).release()
  assert.ok(!existsSync(`${file}.lock`))
})

test('a lock of a living process is waited for, that of a dead one broken', async (t) => {
  const file = join(temporaryDirectory(t), 'RECENT-1h.yaml')
  mkdirSync(`${file}.lock`)
  // The parent of this process lives as long as the test does.
  writeFileSync(`${file}.lock/process`, `${process.ppid}\n`)
  await assert.rejects(IndexLock.take(file, 20), (error) => isTidemarkError(error, 'busy'))
  writeFileSync(`${file}.lock/process`, `${deadProcess()}\n`)
  const lock = await IndexLock.take(file, 0)
  assert.equal(readFileSync(`${file}.lock/process`, 'utf8'), `${process.pid}\n`)
  lock.release()
})

test('a lock with this process’s number that it does not have is of one before it', async (t) => {
  const file = join(temporaryDirectory(t), 'RECENT-1h.yaml')
  mkdirSync(`${file}.lock`)
  writeFileSync(`${file}.lock/process`, `${process.pid}\n`)
  ;(await IndexLock.take(file, 0)).release()
})

test('a lock without a number is left to its maker for a while', async (t) => {
  const file = join(temporaryDirectory(t), 'RECENT-1h.yaml')
  mkdirSync(`${file}.lock`)
  await assert.rejects(IndexLock.take(file, 20), (error) => isTidemarkError(error, 'busy'))
  utimesSync(`${file}.lock`, 1, 1)
  ;(await IndexLock.take(file, 0)).release()
})

test('of many at once each has it alone', async (t) => {
  const file = join(temporaryDirectory(t), 'RECENT-1h.yaml')
  let inside = 0
  const work = async (): Promise<void> => {
    const lock = await IndexLock.take(file, 60_000)
    assert.equal(++inside, 1)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    lock.release()
  }
  await Promise.all(Array.from({ length: 20 }, work))
})
