import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { initFolder, type Folder } from '../../src/folder/folder.ts'
import { restore } from '../../src/history/restore.ts'
import { takeSnapshot, type SnapshotReport } from '../../src/history/snapshot.ts'
import { verify } from '../../src/history/verify.ts'
import type { Entry } from '../../src/object/entry.ts'
import { readContent } from '../../src/tree/read-content.ts'
import { walkTree } from '../../src/tree/walk.ts'
import { asNobody, canChangeUser } from '../suites/as-nobody.ts'
import { memoryDirectory } from '../suites/temporary-directory.ts'

const rounds = Math.ceil(8 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
const files = 20

async function begin(t: TestContext): Promise<Folder> {
  const parent = memoryDirectory(t)
  mkdirSync(`${parent}/folder`)
  const folder = await initFolder(`${parent}/folder`, { repository: `${parent}/repository` })
  t.after(() => folder.close())
  return folder
}

async function entries(folder: Folder, { snapshot }: SnapshotReport): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>()
  for await (const { path, entry } of walkTree(await folder.repository(), snapshot!.root))
    found.set(path, entry)
  return found
}

async function textOf(folder: Folder, entry: Entry | undefined): Promise<string> {
  assert.equal(entry?.kind, 'file')
  const parts: Uint8Array[] = []
  for await (const part of readContent(await folder.repository(), entry)) parts.push(part.slice())
  return Buffer.concat(parts).toString('latin1')
}

function codes({ problems }: { problems: readonly { path: string; code: string }[] }): string[] {
  return problems.map(({ path, code }) => `${path}: ${code}`).toSorted()
}

/** Whether a content is one that the file had at some moment. */
function isOneState(path: string, text: string): boolean {
  if (path.startsWith('whole')) return /^(.)\1*$/.test(text)
  if (path === 'saved') return /^(\d+ )\1*$/.test(text)
  const lines = text.split('\n').slice(0, -1)
  return text.endsWith('\n') && lines.every((line, n) => line === `line ${n}`)
}

suite('a snapshot of files that change while it is taken', () => {
  test('has of each file one state, or says that it may not', async (t) => {
    const folder = await begin(t)
    const counters = new Int32Array(new SharedArrayBuffer(12))
    const writer = new Worker(new URL('changing-writer.ts', import.meta.url), {
      workerData: { root: folder.root, files, counters },
    })
    t.after(() => writer.terminate())
    while (Atomics.load(counters, 0) < 3) await setTimeout(5)
    let unstable = 0
    let excused = 0
    for (let round = 0; round < rounds || unstable === 0; round++) {
      const before = Atomics.load(counters, 1)
      const report = await takeSnapshot(folder, { always: true })
      const marked = new Set(report.problems.map(({ path }) => path))
      for (const [path, entry] of await entries(folder, report)) {
        if (path === '.new' || entry.kind !== 'file') continue
        assert.equal(marked.has(path), entry.unstable || entry.unreadable, path)
        if (entry.unstable) unstable++
        else if (!isOneState(path, await textOf(folder, entry))) {
          // Nobody can tell a write that has stopped half-way from one that has ended; what is under way is waited for.
          const rewritten = Atomics.load(counters, 0)
          while (Atomics.load(counters, 0) === rewritten) await setTimeout(5)
          assert.notEqual(Atomics.load(counters, 1), before, path)
          excused++
        }
      }
    }
    Atomics.store(counters, 2, 1)
    await once(writer, 'exit')
    t.diagnostic(`${Atomics.load(counters, 0)} times rewritten, ${unstable} unstable, ${excused} excused`)

    // What was unstable is read again though nothing tells that it has changed.
    await setTimeout(100)
    const last = await takeSnapshot(folder, { always: true })
    assert.deepEqual(last.problems, [])
    for (const [path, entry] of await entries(folder, last))
      assert.ok(isOneState(path, await textOf(folder, entry)), path)
  })

  test('holds when everything is replaced by other kinds of things all the while', async (t) => {
    const folder = await begin(t)
    const { root } = folder
    for (let n = 0; n < 30; n++) {
      mkdirSync(`${root}/${n}/deep`, { recursive: true })
      for (let k = 0; k < 20; k++) writeFileSync(`${root}/${n}/deep/${k}`, `${n} ${k}`)
    }
    const script = `
      const { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
      const { spawnSync } = require('node:child_process')
      const root = process.argv.at(-1)
      const made = root + '-made'
      for (let n = 0; ; n++) {
        const at = root + '/' + (n * 7) % 30 + ['', '/deep', '/deep/3', '/deep/9'][n % 4]
        rmSync(made, { recursive: true, force: true })
        const kind = n % 5
        if (kind === 0) symlinkSync(at.slice(at.lastIndexOf('/') + 1), made)
        else if (kind === 1) writeFileSync(made, 'a file')
        else if (kind === 2) symlinkSync('nowhere', made)
        else if (kind === 3) spawnSync('mkfifo', [made])
        else { mkdirSync(made + '/deep', { recursive: true }); writeFileSync(made + '/deep/3', 'another') }
        try {
          rmSync(at, { recursive: true, force: true })
          renameSync(made, at)
        } catch {}
      }`
    const worker = new Worker(script, { eval: true, argv: [root] })
    t.after(() => worker.terminate())
    worker.on('error', (error) => t.diagnostic(String(error)))
    let met = 0
    for (let round = 0; round < rounds; round++) {
      const report = await takeSnapshot(folder, { always: true })
      met += report.problems.length
      for (const { message } of report.problems) assert.match(message, /\S/)
    }
    await worker.terminate()
    t.diagnostic(`${met} problems`)
    const repository = await folder.repository()
    assert.deepEqual((await verify(repository.bucket, { data: true })).findings, [])
    assert.deepEqual((await takeSnapshot(folder, { always: true })).problems, [])
  })

  test('notices what is truncated, and what gets the size and time back that it had', async (t) => {
    const folder = await begin(t)
    const path = `${folder.root}/file`
    writeFileSync(path, 'the first bytes')
    const { mtime } = statSync(path)
    await setTimeout(25)
    await takeSnapshot(folder)
    writeFileSync(path, 'the other bytes')
    utimesSync(path, mtime, mtime)
    const second = await takeSnapshot(folder)
    assert.equal(await textOf(folder, (await entries(folder, second)).get('file')), 'the other bytes')
    truncateSync(path, 3)
    const third = await takeSnapshot(folder)
    assert.equal(await textOf(folder, (await entries(folder, third)).get('file')), 'the')
  })

  test('notices changes when the clock has been set back', async (t) => {
    const folder = await begin(t)
    const path = `${folder.root}/file`
    writeFileSync(path, 'before')
    await setTimeout(25)
    const first = await takeSnapshot(folder)
    const now = Date.now
    t.mock.method(Date, 'now', () => now() - 86_400_000)
    assert.equal((await takeSnapshot(folder)).id, undefined)
    writeFileSync(path, 'after!')
    const second = await takeSnapshot(folder)
    assert.deepEqual(second.snapshot!.parents, [first.id])
    assert.ok(second.snapshot!.time < first.snapshot!.time)
    writeFileSync(path, 'last!!')
    const third = await takeSnapshot(folder)
    assert.deepEqual(third.snapshot!.parents, [second.id])
    assert.equal(await textOf(folder, (await entries(folder, third)).get('file')), 'last!!')
  })
})

suite('a snapshot of what may not be read', () => {
  test('says so, keeps the rest, and restores the rest', async (t) => {
    if (!canChangeUser(t)) return
    const folder = await asNobody(() => begin(t))
    const { root } = folder
    await asNobody(() => {
      mkdirSync(`${root}/open`)
      writeFileSync(`${root}/open/file`, 'everybody may read this')
      mkdirSync(`${root}/no-names/below`, { recursive: true })
      mkdirSync(`${root}/no-looks`)
      writeFileSync(`${root}/no-looks/file`, 'its name may be read, and nothing else')
      writeFileSync(`${root}/secret`, 'nobody may read this')
      for (const [path, mode] of [
        ['no-names', 0],
        ['no-looks', 0o400],
        ['secret', 0],
      ] as const)
        chmodSync(`${root}/${path}`, mode)
    })
    const report = await asNobody(() => takeSnapshot(folder))
    const expected = ['no-looks/file', 'no-names', 'secret'].map((path) => `${path}: unreadable`)
    assert.deepEqual(codes(report), expected)
    assert.equal(report.snapshot!.unreadable, 3)
    const found = await entries(folder, report)
    assert.equal(await textOf(folder, found.get('open/file')), 'everybody may read this')
    assert.deepEqual([found.get('secret')?.unreadable, found.get('no-names')?.unreadable], [true, true])

    const repository = await folder.repository()
    const target = `${root}-restored`
    const restored = await restore(repository, report.snapshot!.root, target)
    assert.deepEqual(codes(restored), ['no-names: unreadable', 'secret: unreadable'])

    // Each time anew, until they can be read.
    assert.deepEqual(codes(await asNobody(() => takeSnapshot(folder))), expected)
    for (const path of ['no-names', 'no-looks', 'secret']) chmodSync(`${root}/${path}`, 0o700)
    const whole = await asNobody(() => takeSnapshot(folder))
    assert.deepEqual(whole.problems, [])
    assert.equal(await textOf(folder, (await entries(folder, whole)).get('secret')), 'nobody may read this')
  })

  test('does not wait for pipes, wherever it looks for a file', { timeout: 300_000 }, async (t) => {
    const folder = await begin(t)
    const { root } = folder
    mkdirSync(`${root}/sub`)
    for (const name of ['.tidemarkignore', 'CACHEDIR.TAG', 'sub/.tidemarkignore', 'sub/pipe'])
      assert.equal(spawnSync('mkfifo', [`${root}/${name}`]).status, 0)
    writeFileSync(`${root}/file`, 'a file')
    const report = await takeSnapshot(folder)
    assert.deepEqual(report.problems, [])
    assert.equal((await entries(folder, report)).get('sub/pipe')?.kind, 'fifo')
  })
})
