import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { restore } from '../../../src/history/restore.ts'
import type { DirectoryEntry, Entry } from '../../../src/object/entry.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { CountingStore } from '../../suites/counting-store.ts'
import { fileEntry, plant, plantFile, type Plant } from '../../suites/plant.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

type Plan = { readonly [name: string]: Plant }

async function planted(plan: Plan): Promise<{ store: MemoryStore; root: DirectoryEntry }> {
  const store = new MemoryStore()
  return { store, root: await plant(store, plan) }
}

/** Restores a plan into `target`, which may have something already. */
async function put(target: string, plan: Plan): Promise<void> {
  const { store, root } = await planted(plan)
  await restore(store, root, target, { delete: true })
}

function place(t: TestContext): string {
  return join(temporaryDirectory(t), 'target')
}

function text(...path: string[]): string {
  return fs.readFileSync(join(...path), 'utf8')
}

function codes(report: { problems: readonly { path: string; code: string }[] }): string[] {
  // Owners are lost where the tests do not run as root; that is tested by itself.
  const others = report.problems.filter(({ code }) => code !== 'lost-metadata')
  return others.map(({ path, code }) => `${path}: ${code}`)
}

const common = {
  mode: 0o644,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mtimeNs: 5n,
  xattrs: [],
  link: undefined,
}

function symlink(target: string): Entry {
  return { kind: 'symlink', name: '', ...common, unreadable: false, target }
}

suite('restore', () => {
  test('writes only what differs, and reads no content for what has its size and time', async (t) => {
    const target = place(t)
    await put(target, { a: 'one', d: { b: 'two', c: 'three' } })
    const { ino } = fs.statSync(`${target}/a`)
    const { store, root } = await planted({ a: 'one', d: { b: 'TWO!', c: 'three' } })
    const counting = new CountingStore(store)
    const report = await restore(counting, root, target)
    assert.deepEqual([report.files, report.bytes, report.unchanged, report.deleted], [1, 4, 3, 0])
    assert.equal(text(target, 'd/b'), 'TWO!')
    assert.equal(fs.statSync(`${target}/a`).ino, ino)
    // The two directories, and the content of the one file.
    assert.equal(counting.reads.length, 3)
  })

  test('gives a file of the right bytes its metadata only', async (t) => {
    const target = place(t)
    const { store, root } = await planted({ long: await plantFile(new MemoryStore(), 'x', []), a: 'text' })
    await restore(store, root, target)
    const before = fs.statSync(`${target}/a`)
    fs.utimesSync(`${target}/a`, 1, 1)
    fs.chmodSync(`${target}/a`, 0o600)
    const report = await restore(store, root, target)
    assert.deepEqual([report.files, report.metadata], [0, 1])
    const after = fs.statSync(`${target}/a`)
    assert.deepEqual([after.ino, after.mode, after.mtimeMs], [before.ino, before.mode, before.mtimeMs])
    fs.writeFileSync(`${target}/a`, 'TEXT')
    assert.equal((await restore(store, root, target)).files, 1)
    assert.equal(text(target, 'a'), 'text')
  })

  test('deletes nothing unless asked, then only below the paths asked for', async (t) => {
    const target = place(t)
    await put(target, { a: '1', extra: '2', d: { a: '1', extra: '2', deep: { er: { x: '3' } } } })
    const { store, root } = await planted({ a: '1', d: { a: '1' } })
    await restore(store, root, target)
    assert.deepEqual(fs.readdirSync(target), ['a', 'd', 'extra'])
    const report = await restore(store, root, target, { delete: true, paths: ['d'] })
    assert.deepEqual(fs.readdirSync(target), ['a', 'd', 'extra'])
    assert.deepEqual(fs.readdirSync(`${target}/d`), ['a'])
    assert.equal(report.deleted, 4)
    await restore(store, root, target, { delete: true })
    assert.deepEqual(fs.readdirSync(target), ['a', 'd'])
  })

  test('restores some paths, and makes the directories on the way', async (t) => {
    const target = place(t)
    const { store, root } = await planted({ a: '1', d: { b: '2', e: { c: '3', f: '4' } }, z: '5' })
    const report = await restore(store, root, target, { paths: ['d/e/c', 'z', '/d/e/c/', 'd/e/c'] })
    assert.deepEqual(
      new Set(fs.readdirSync(target, { recursive: true, encoding: 'utf8' })),
      new Set(['d', 'd/e', 'd/e/c', 'z']),
    )
    assert.deepEqual([report.files, report.directories, report.unchanged], [2, 2, 0])
    const missing = restore(store, root, target, { paths: ['a', 'd/none'] })
    await assert.rejects(
      missing,
      (error) => isTidemarkError(error, 'missing') && error.message.includes('d/none'),
    )
    assert.equal(fs.existsSync(`${target}/a`), false)
  })

  test('leaves the metadata of directories on the way as they are', async (t) => {
    const target = place(t)
    fs.mkdirSync(`${target}/d`, { recursive: true })
    fs.chmodSync(`${target}/d`, 0o711)
    fs.chmodSync(target, 0o710)
    const { store, root } = await planted({ d: { a: '1' } })
    await restore(store, root, target, { paths: ['d/a'] })
    assert.equal(fs.statSync(`${target}/d`).mode & 0o777, 0o711)
    assert.equal(fs.statSync(target).mode & 0o777, 0o710)
    await restore(store, root, target)
    assert.equal(fs.statSync(target).mode & 0o777, 0o755)
  })

  test('replaces another kind of thing, a directory with something in it only with delete', async (t) => {
    const target = place(t)
    await put(target, { a: { x: '1' }, b: {}, c: 'file', d: symlink('a') })
    const { store, root } = await planted({ a: 'file', b: 'file', c: { y: '2' }, d: 'file' })
    const report = await restore(store, root, target)
    assert.deepEqual(codes(report), ['a: not-empty'])
    assert.equal(text(target, 'a/x'), '1')
    assert.deepEqual([text(target, 'b'), text(target, 'c/y'), text(target, 'd')], ['file', '2', 'file'])
    assert.deepEqual(codes(await restore(store, root, target, { delete: true })), [])
    assert.equal(text(target, 'a'), 'file')
  })

  test('keeps holes', async (t) => {
    const target = place(t)
    const store = new MemoryStore()
    const size = 64 * 1024 * 1024
    const holey = await plantFile(store, 'x', ['start', size, 'middle', size])
    const root = await plant(store, { holey, nothing: await plantFile(store, 'x', [size]) })
    await restore(store, root, target)
    for (const name of ['holey', 'nothing']) {
      const { blocks } = fs.statSync(join(target, name))
      assert.ok(blocks * 512 < 1024 * 1024, `${name} takes ${blocks} blocks`)
    }
    const bytes = fs.readFileSync(`${target}/holey`)
    assert.equal(bytes.length, 2 * size + 11)
    assert.equal(bytes.toString('latin1', size + 5, size + 11), 'middle')
    assert.equal(fs.statSync(`${target}/nothing`).size, size)
  })

  test('says what the snapshot has not, and leaves what is there', async (t) => {
    const target = place(t)
    await put(target, { lost: 'old', dir: { kept: '1' } })
    const store = new MemoryStore()
    const root = await plant(store, {
      lost: { ...fileEntry('x', 10), unreadable: true },
      shaky: { ...(await plantFile(store, 'x', ['bytes'])), unstable: true },
      gone: await plantFile(new MemoryStore(), 'x', ['not in the store']),
      dir: { ...(await plant(store, {})), unreadable: true },
    })
    const report = await restore(store, root, target, { delete: true })
    assert.deepEqual(codes(report).toSorted(), [
      'dir: unreadable',
      'gone: missing',
      'lost: unreadable',
      'shaky: unstable',
    ])
    assert.equal(text(target, 'lost'), 'old')
    assert.equal(text(target, 'dir/kept'), '1')
    assert.equal(text(target, 'shaky'), 'bytes')
    assert.deepEqual(fs.readdirSync(target), ['dir', 'lost', 'shaky'])
  })

  test('does nothing on a dry run, and tells what a run then does', async (t) => {
    const target = place(t)
    await put(target, { a: 'one', b: 'two', c: 'three', gone: { x: '1' } })
    fs.utimesSync(`${target}/b`, 1, 1)
    fs.writeFileSync(`${target}/c`, 'THREE')
    const { store, root } = await planted({ a: 'one', b: 'two', c: 'three', d: { e: 'new' } })
    const steps: string[] = []
    const onStep = ({ action, path }: { action: string; path: string }): unknown =>
      steps.push(`${action} ${path}`)
    const rehearsed = await restore(store, root, target, { delete: true, dryRun: true, onStep })
    assert.deepEqual(
      steps.filter((step) => step !== 'metadata '),
      ['metadata b', 'write c', 'make d', 'make d/e', 'delete gone', 'delete gone/x'],
    )
    assert.deepEqual(fs.readdirSync(target), ['a', 'b', 'c', 'gone'])
    const done = await restore(store, root, target, { delete: true })
    const { metadata: _, ...sure } = rehearsed
    assert.partialDeepStrictEqual(done, sure)
  })

  test('removes what an interrupted run has left, not what belongs to one that runs', async (t) => {
    const target = place(t)
    const { store, root } = await planted({ a: 'one' })
    fs.mkdirSync(target)
    // Of this host, and of a process id that no system gives.
    const { temporaryNames } = await import('../../../src/folder/apply/temporary-name.ts')
    const alive = temporaryNames()()
    const dead = alive.replace(/-\d+-\d+-/, '-4194999-1-')
    const stranger = dead.replace(/[0-9a-f]{8}-/, '00000000-')
    for (const name of [alive, dead, stranger]) fs.writeFileSync(join(target, name), '')
    await restore(store, root, target, { delete: true })
    assert.deepEqual(fs.readdirSync(target).toSorted(), [alive, stranger, 'a'].toSorted())
  })

  test('stops when told to, and leaves nothing unfinished', async (t) => {
    const target = place(t)
    const plan: Record<string, string> = {}
    for (let n = 0; n < 500; n++) plan[`f${n}`] = `content ${n}`
    const { store, root } = await planted(plan)
    const controller = new AbortController()
    let reads = 0
    const slow = {
      has: store.has.bind(store),
      get: (id: string) => {
        if (++reads === 300) controller.abort()
        return store.get(id)
      },
    }
    const stopped = restore(slow, root, target, { signal: controller.signal })
    await assert.rejects(stopped, (error) => isTidemarkError(error, 'cancelled'))
    const names = fs.readdirSync(target)
    assert.deepEqual(
      names.filter((name) => name.startsWith('.tidemark')),
      [],
    )
    assert.ok(names.length < 500)
    await restore(store, root, target)
    assert.equal(fs.readdirSync(target).length, 500)
  })

  test('fails as a whole when the store is out of reach, and leaves nothing unfinished', async (t) => {
    const target = place(t)
    const { store, root } = await planted({ a: 'one', b: 'two' })
    const { TidemarkError } = await import('../../../src/errors.ts')
    let reads = 0
    const failing = {
      has: store.has.bind(store),
      async get(id: string) {
        if (++reads === 3) throw new TidemarkError('unavailable', 'gone')
        return store.get(id)
      },
    }
    await assert.rejects(restore(failing, root, target), (error) => isTidemarkError(error, 'unavailable'))
    assert.deepEqual(fs.readdirSync(target), [])
  })
})
