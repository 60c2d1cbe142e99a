import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isTidemarkError } from '../../src/errors.ts'
import { initFolder, openFolder, type Folder } from '../../src/folder/folder.ts'
import { forgetSnapshots } from '../../src/history/forget.ts'
import { prune } from '../../src/history/prune.ts'
import { restore } from '../../src/history/restore.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import { verify } from '../../src/history/verify.ts'
import { DirectoryBucket } from '../../src/store/directory-bucket.ts'
import { openRepository } from '../../src/store/open-repository.ts'
import { asNobody, canChangeUser } from '../suites/as-nobody.ts'
import { mountMemory } from '../suites/mount.ts'
import { seededRandom } from '../suites/random.ts'
import { readFolder, type Described } from '../suites/read-folder.ts'
import { memoryDirectory } from '../suites/temporary-directory.ts'

function describe(root: string): Described {
  const described = new Map(readFolder(root))
  for (const path of described.keys()) if (/^\.tidemark(?:\/|$)/.test(path)) described.delete(path)
  return described
}

/** Bytes that neither compress nor repeat. */
function noise(random: () => number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 4) bytes.writeInt32LE(Math.floor(random() * 2 ** 32) | 0, at)
  return bytes
}

async function assertWhole(place: string): Promise<void> {
  assert.deepEqual((await verify(new DirectoryBucket(place), { data: true })).findings, [])
}

async function assertRestores(folder: Folder, target: string): Promise<void> {
  const { id, parent } = await takeSnapshot(folder)
  const repository = await folder.repository()
  const { root } = await repository.snapshots.read((id ?? parent)!)
  rmSync(target, { recursive: true, force: true })
  assert.deepEqual((await restore(repository, root, target)).problems, [])
  assert.deepEqual(describe(target), describe(folder.root))
}

suite('a full disk', () => {
  // Few large files are read on the main thread, many small ones by threads.
  for (const [title, files, size] of [
    ['a few files', 6, 1024 * 1024],
    ['many files', 2500, 3000],
  ] as const) {
    test(`under the repository stops a snapshot of ${title}, and loses nothing`, async (t) => {
      const parent = memoryDirectory(t)
      const [root, place] = [`${parent}/folder`, `${parent}/disk`]
      for (const path of [root, place]) mkdirSync(path)
      using mounted = mountMemory(t, place, { options: 'size=4m' })
      if (mounted === undefined) return
      const random = seededRandom(7)
      const folder = await initFolder(root, { repository: `${place}/repository` })
      t.after(() => folder.close())
      writeFileSync(`${root}/small`, 'what was there before')
      const before = describe(root)
      const first = await takeSnapshot(folder)
      for (let n = 0; n < files; n++) writeFileSync(`${root}/${n}`, noise(random, size))
      await assert.rejects(takeSnapshot(folder), (error) => isTidemarkError(error, 'full'))
      await assertWhole(`${place}/repository`)
      // Again, which changes nothing.
      await assert.rejects(takeSnapshot(folder), (error) => isTidemarkError(error, 'full'))

      const repository = await openRepository(`${place}/repository`)
      const { root: tree } = await repository.snapshots.read(first.id!)
      await restore(repository, tree, `${parent}/target`)
      repository.close()
      assert.equal(describe(`${parent}/target`).get('small'), before.get('small'))

      // What was written for nothing is deleted, on a disk without any space.
      writeFileSync(`${place}/rest`, new Uint8Array(0))
      const pruned = await prune(await folder.repository())
      assert.deepEqual(pruned.waitingFor, [])
      for (let n = 0; n < files; n++) if (n > 1) rmSync(`${root}/${n}`)
      await assertRestores(folder, `${parent}/target`)
      await assertWhole(`${place}/repository`)
    })
  }

  test('under the folder stops nothing, or with a clear error', async (t) => {
    const parent = memoryDirectory(t)
    const root = `${parent}/folder`
    mkdirSync(root)
    using mounted = mountMemory(t, root, { options: 'size=2m' })
    if (mounted === undefined) return
    const folder = await initFolder(root, { repository: `${parent}/repository` })
    t.after(() => folder.close())
    await takeSnapshot(folder)
    for (let n = 0; n < 3000; n++) writeFileSync(`${root}/${'name '.repeat(20)}${n}`, '')
    fill(`${root}/filler`)
    // The repository has space enough: only what is remembered of the files has not.
    const kept = await takeSnapshot(folder).catch((error: unknown) => {
      assert.ok(isTidemarkError(error, 'full'), String(error))
    })
    await assertWhole(`${parent}/repository`)
    if (kept) await assertRestores(folder, `${parent}/target`)
    rmSync(`${root}/filler`)
    await assertRestores(folder, `${parent}/target`)
  })

  test('under the target stops a restore, and leaves no unfinished files', async (t) => {
    const parent = memoryDirectory(t)
    const [root, disk] = [`${parent}/folder`, `${parent}/disk`]
    for (const path of [root, disk]) mkdirSync(path)
    const folder = await initFolder(root, { repository: `${parent}/repository` })
    t.after(() => folder.close())
    for (let n = 0; n < 40; n++) writeFileSync(`${root}/${n}`, Buffer.alloc(100_000, `${n}`))
    const { snapshot } = await takeSnapshot(folder)
    using mounted = mountMemory(t, disk, { options: 'size=2m' })
    if (mounted === undefined) return
    const repository = await folder.repository()
    await assert.rejects(restore(repository, snapshot!.root, `${disk}/target`), (error) =>
      isTidemarkError(error, 'full'),
    )
    for (const name of readdirSync(`${disk}/target`)) {
      assert.match(name, /^\d+$/)
      assert.equal(statSync(`${disk}/target/${name}`).size, 100_000)
    }
  })
})

/** Takes all space that is left. */
function fill(path: string): void {
  try {
    for (let n = 1; ; n++) writeFileSync(path, new Uint8Array(4096), { flag: 'a' })
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
}

test('damaged records of a folder cost one reading of everything, and nothing else', async (t) => {
  const folder = await begin(t)
  const { root } = folder
  for (let n = 0; n < 3000; n++) writeFileSync(`${root}/${n}`, `${n}`)
  await setTimeout(100)
  await takeSnapshot(folder)
  assert.equal((await takeSnapshot(folder)).read, 0)
  folder.close()
  const path = `${root}/.tidemark/state.sqlite`
  const { size } = statSync(path)
  assert.ok(size > 100_000)
  const file = openSync(path, 'r+')
  // The first page, which tells what the file is, stays whole.
  for (let at = 4096; at < size; at += 1000) writeSync(file, noise(seededRandom(at), 400), 0, 400, at)
  closeSync(file)
  const report = await takeSnapshot(folder)
  assert.deepEqual([report.id, report.problems], [undefined, []])
  assert.ok(report.read > 0)
  assert.equal((await takeSnapshot(folder)).read, 0)
  await assertRestores(folder, `${root}-restored`)
})

suite('a read-only repository', () => {
  test('can be looked at and restored from, and refuses the rest', async (t) => {
    if (!canChangeUser(t)) return
    const folder = await asNobody(() => begin(t))
    const place = folder.place
    await setTimeout(100)
    const { id, snapshot } = await asNobody(() => takeSnapshot(folder))
    const lock = (mode: number): void => {
      for (const path of [
        place,
        ...readdirSync(place, { recursive: true }).map((name) => `${place}/${String(name)}`),
      ])
        if (statSync(path).isDirectory()) chmodSync(path, mode)
    }
    lock(0o500)
    await asNobody(async () => {
      await assertWhole(place)
      const repository = await openRepository(place)
      const { problems } = await restore(repository, snapshot!.root, `${folder.root}-restored`)
      assert.deepEqual(problems, [])
      await assert.rejects(prune(repository), denied)
      await assert.rejects(forgetSnapshots(repository, [id!]), denied)
      repository.close()
      assert.equal((await takeSnapshot(folder)).id, undefined, 'what has not changed needs no writing')
      writeFileSync(`${folder.root}/new`, 'new')
      await assert.rejects(takeSnapshot(folder), denied)
    })
    lock(0o700)
    await asNobody(() => assertRestores(folder, `${folder.root}-restored`))
  })
})

async function begin(t: TestContext): Promise<Folder> {
  const parent = memoryDirectory(t)
  mkdirSync(`${parent}/folder`)
  writeFileSync(`${parent}/folder/file`, 'a file')
  const folder = await initFolder(`${parent}/folder`, { repository: `${parent}/repository` })
  t.after(() => folder.close())
  return folder
}

function denied(error: unknown): boolean {
  return isTidemarkError(error, 'denied')
}

test('two processes snapshot two folders into one repository while a third forgets and prunes', async (t) => {
  const seconds = 4 * Number(process.env['TIDEMARK_FUZZ'] ?? 1)
  const parent = memoryDirectory(t)
  const place = `${parent}/repository`
  const roots = ['one', 'two'].map((name) => `${parent}/${name}`)
  for (const root of roots) {
    mkdirSync(root)
    // The same content in both, so that each relies on what the other has written.
    for (let n = 0; n < 50; n++) writeFileSync(`${root}/${n}`, `${n} `.repeat(2000))
    ;(await initFolder(root, { repository: place })).close()
  }
  const script = fileURLToPath(new URL('crash-process.ts', import.meta.url))
  const said: string[] = []
  const children = [
    ['snapshot', roots[0]!],
    ['snapshot', roots[1]!],
    ['care', roots[0]!],
  ].map(([role, root], n) => {
    const child = spawn(process.execPath, [script, role!, root!, place], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    said[n] = ''
    child.stdout.setEncoding('latin1').on('data', (text: string) => (said[n] += text))
    const ended = new Promise<unknown>((resolve) => child.once('close', (_code, signal) => resolve(signal)))
    return { child, ended }
  })
  const random = seededRandom(3)
  const count = (n: number, word: string): number => said[n]!.split(word).length - 1
  const end = Date.now() + 1000 * seconds
  try {
    const isEnough = (): boolean =>
      [0, 1].every((n) => count(n, 'taken') >= 4) && count(2, 'end') >= 4 && count(2, 'forgetting') > 0
    while (Date.now() < end || !isEnough()) {
      for (const { child } of children) assert.equal(child.exitCode, null, 'none of them fails')
      const n = Math.floor(random() * 50)
      for (const root of roots)
        writeFileSync(`${root}/${n}`, `${random()} `.repeat(Math.floor(random() * 5000)))
      await setTimeout(5)
    }
  } finally {
    for (const { child } of children) child.kill('SIGKILL')
  }
  for (const { ended } of children) assert.equal(await ended, 'SIGKILL')
  t.diagnostic(
    `${count(0, 'taken')} and ${count(1, 'taken')} snapshots, ${count(2, 'forgetting')} forgotten, ${count(2, 'end')} prunings`,
  )
  await assertKept(place, said)
  for (const root of roots) {
    const folder = await openFolder(root)
    await assertRestores(folder, `${parent}/target`)
    folder.close()
  }
})

async function assertKept(place: string, said: readonly string[]): Promise<void> {
  const { findings } = await verify(new DirectoryBucket(place), { data: true })
  assert.deepEqual(
    findings.filter(({ harm }) => harm),
    [],
  )
  const named = (word: string): Set<string> =>
    new Set(
      said.flatMap((text) => [...text.matchAll(new RegExp(`^${word} (.{64})$`, 'gm'))].map(([, id]) => id!)),
    )
  const forgotten = named('forgetting')
  for (const id of named('taken'))
    if (!forgotten.has(id)) assert.ok(existsSync(`${place}/snapshots/${id}`), id)
}
