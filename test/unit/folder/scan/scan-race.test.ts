import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { InlineIngest } from '../../../../src/folder/ingest/inline-ingest.ts'
import { Scanner } from '../../../../src/folder/scan/scanner.ts'
import type { Entry } from '../../../../src/object/entry.ts'
import { idOf } from '../../../../src/object/id.ts'
import type { Id } from '../../../../src/object/id.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import { walkTree } from '../../../../src/tree/walk.ts'
import { requireTool } from '../../../require.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

/** Swaps the directory `sub` and a link to `outside` for each other, again and again, with pauses between. */
const swapper = `
  const { renameSync } = require('node:fs')
  const { parentPort, workerData: { root, stop } } = require('node:worker_threads')
  parentPort.postMessage('ready')
  const swap = (a, b) => {
    renameSync(root + a, root + '/../aside')
    renameSync(root + b, root + a)
    renameSync(root + '/../aside', root + b)
  }
  for (let n = 0; Atomics.load(stop, 0) === 0; n++) {
    swap('/sub', '/../link')
    for (let i = 0; i < (n * 7919) % 20000; i++);
  }`

const inside = Buffer.from('inside')
const secret = Buffer.from('secret')

async function scan(root: string): Promise<Map<string, Entry>> {
  const store = new MemoryStore()
  const { root: tree } = await new Scanner({
    root,
    before: undefined,
    memory: { leaves: () => [], put() {}, delete() {}, deleteBelow() {} },
    ingest: new InlineIngest(() => undefined, 1),
    put: (id: Id, bytes: Uint8Array) => store.put(id, bytes),
    excluded: new Set(),
    onProblem: () => {},
  }).run()
  const entries = new Map<string, Entry>()
  for await (const { path, entry } of walkTree(store, tree)) entries.set(path, entry)
  return entries
}

test('a directory that is swapped for a link all the time never leads a scan out', async (t) => {
  if (!requireTool(t, existsSync('/proc/self/fd'), 'needs /proc')) return
  const parent = temporaryDirectory(t)
  const root = `${parent}/folder`
  for (const [path, text] of [
    [`${root}/sub`, inside],
    [`${parent}/outside`, secret],
  ] as const) {
    mkdirSync(`${path}/deep`, { recursive: true })
    // The more there is to be read, the more often it is swapped meanwhile.
    for (let n = 0; n < 8; n++) writeFileSync(`${path}/deep/${n}`, text)
    writeFileSync(`${path}/${text.toString()}`, text)
  }
  symlinkSync(`${parent}/outside`, `${parent}/link`)
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(swapper, { eval: true, workerData: { root, stop } })
  await once(worker, 'message')
  const seen = new Set<string>()
  const foreign: string[] = []
  const allMet = (): boolean => ['directory', 'symlink', 'cut off'].every((kind) => seen.has(kind))
  for (let round = 0; round < 400 || (!allMet() && round < 20_000); round++) {
    const entries = await scan(root)
    const sub = entries.get('sub')
    if (sub) seen.add(sub.kind)
    if (sub?.kind === 'directory' && sub.count < 10) seen.add('cut off')
    for (const [path, entry] of entries) {
      const content = entry.kind === 'file' ? entry.content?.id : undefined
      if (path.endsWith('secret') || content === idOf(secret)) foreign.push(path)
      else if (content !== undefined) assert.equal(content, idOf(inside), path)
    }
  }
  Atomics.store(stop, 0, 1)
  await once(worker, 'exit')
  assert.deepEqual(foreign, [])
  assert.ok(allMet(), `the swapping was hardly met: ${[...seen].join(', ')}`)
})
