import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, readSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { isTidemarkError } from '../../../../src/errors.ts'
import { openDirectory, type DirectoryHandle } from '../../../../src/folder/system/directory-handle.ts'
import { requireTool } from '../../../require.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

/** Swaps the directory `sub` and a link to `outside` for each other, again and again. */
const swapper = `
  const { renameSync } = require('node:fs')
  const { parentPort, workerData: { root, stop } } = require('node:worker_threads')
  parentPort.postMessage('ready')
  while (Atomics.load(stop, 0) === 0) {
    renameSync(root + '/sub', root + '/kept')
    renameSync(root + '/link', root + '/sub')
    renameSync(root + '/sub', root + '/link')
    renameSync(root + '/kept', root + '/sub')
  }`

test('a directory that is swapped for a link all the time never leads out', async (t) => {
  if (!requireTool(t, existsSync('/proc/self/fd'), 'needs /proc')) return
  const root = temporaryDirectory(t)
  for (const [name, text] of [
    ['sub', 'inside'],
    ['outside', 'secret'],
  ] as const) {
    mkdirSync(`${root}/${name}`)
    writeFileSync(`${root}/${name}/file`, text)
  }
  symlinkSync('outside', `${root}/link`)
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(swapper, { eval: true, workerData: { root, stop } })
  await once(worker, 'message')
  const handle = openDirectory(root)
  const seen = new Map<string, number>()
  // More, until both have been met, where the two threads seldom run side by side.
  const bothMet = (): boolean => seen.has('inside') && seen.has('conflict')
  for (let i = 0; i < 10_000 || (!bothMet() && i < 3_000_000); i++) {
    const result = attempt(handle)
    seen.set(result, (seen.get(result) ?? 0) + 1)
  }
  handle.close()
  Atomics.store(stop, 0, 1)
  await once(worker, 'exit')
  assert.ok(bothMet(), 'the swapping was never met')
  assert.deepEqual(
    [...seen.keys()].filter((result) => !['inside', 'conflict', 'missing'].includes(result)),
    [],
  )
})

/** What the file reached through `sub` says, or the code of the refusal. */
function attempt(root: DirectoryHandle): string {
  try {
    const sub = root.child('sub')
    try {
      const fd = sub.open('file', 0)
      const buffer = Buffer.alloc(16)
      const text = buffer.toString('utf8', 0, readSync(fd, buffer))
      closeSync(fd)
      return text
    } finally {
      sub.close()
    }
  } catch (error) {
    if (isTidemarkError(error)) return error.code
    throw error
  }
}
