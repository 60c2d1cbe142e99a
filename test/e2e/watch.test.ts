import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { initFolder } from '../../src/folder/folder.ts'
import type { Folder } from '../../src/folder/folder.ts'
import type { Change } from '../../src/tree/change.ts'
import { folderChanges } from '../../src/history/changes.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import type { SnapshotReport } from '../../src/history/snapshot.ts'
import { folderStatus } from '../../src/history/status.ts'
import { watchFolder } from '../../src/history/watch.ts'
import type { WatchEvent } from '../../src/history/watch-event.ts'
import type { WatchOptions } from '../../src/history/watch.ts'
import { requireTool } from '../require.ts'
import { actions, doEdit } from '../suites/any-edits.ts'
import { fuzz } from '../suites/arbitraries.ts'
import { seededRandom } from '../suites/random.ts'
import { temporaryDirectory } from '../suites/temporary-directory.ts'

const linux = process.platform === 'linux'

/** A real watch of a real folder, that has nothing but the system's word for what changes. */
class Scene {
  readonly folder: Folder
  readonly events: WatchEvent[] = []
  readonly reports: SnapshotReport[] = []
  #ended: Promise<void> = Promise.resolve()
  readonly #stop = new AbortController()

  constructor(folder: Folder) {
    this.folder = folder
  }

  static async make(t: TestContext, options: WatchOptions = {}): Promise<Scene> {
    const parent = temporaryDirectory(t)
    mkdirSync(join(parent, 'folder'))
    const scene = new Scene(
      await initFolder(join(parent, 'folder'), { repository: join(parent, 'repository') }),
    )
    t.after(() => scene.stop())
    scene.start(options)
    await scene.until(() => scene.reports.length === 1)
    return scene
  }

  start(options: WatchOptions = {}): void {
    const run = async (): Promise<void> => {
      const all: WatchOptions = {
        debounceMs: 100,
        maxDelayMs: 1000,
        rescanMs: 3_600_000,
        ...options,
        signal: this.#stop.signal,
        onEvent: (event) => this.events.push(event),
      }
      for await (const report of watchFolder(this.folder, all)) this.reports.push(report)
    }
    this.#ended = run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
    this.folder.close()
  }

  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let n = 0; n < 2400; n++) {
      if (await condition()) return
      await setTimeout(50)
    }
    assert.fail(`it did not come to that: ${this.events.map(({ message }) => message).join('; ')}`)
  }

  /** Waits until what is there is recorded. */
  async settled(): Promise<void> {
    await this.until(async () => (await Array.fromAsync(folderStatus(this.folder))).length === 0)
  }

  /** Waits for that; then looks at everything as if for the first time. */
  async recorded(): Promise<void> {
    await this.settled()
    await this.stop()
    rmSync(join(this.folder.root, '.tidemark/state.sqlite'))
    const { id } = await takeSnapshot(this.folder)
    assert.equal(id, undefined, 'the last snapshot is not what is there')
  }

  path(...parts: string[]): string {
    return join(this.folder.root, ...parts)
  }

  get scans(): unknown[] {
    return this.events.flatMap((event) => (event.kind === 'scan' ? [event.why ?? 'some'] : []))
  }
}

test('ten thousand files in new directories are all recorded', async (t) => {
  if (!requireTool(t, linux, 'a watch for each directory')) return
  const scene = await Scene.make(t)
  for (let n = 0; n < 500; n++) {
    const directory = scene.path(`${n % 20}`, `${n}`)
    mkdirSync(directory, { recursive: true })
    for (let file = 0; file < 20; file++) writeFileSync(join(directory, `${file}`), `${n} ${file}`)
    if (n % 10 === 0) await setTimeout(5)
  }
  // So that what is told last is deep in what is new.
  await setTimeout(300)
  writeFileSync(scene.path('19', '499', '19'), 'changed')
  writeFileSync(scene.path('7', '7', 'late'), 'x')
  await scene.recorded()
})

test('a storm that the system does not tell all of is recorded', async (t) => {
  if (!requireTool(t, linux, 'a queue of changes')) return
  const scene = await Scene.make(t)
  for (const name of ['a', 'b']) mkdirSync(scene.path(name))
  await scene.settled()
  // All in one turn, so that the queue overflows: each is told of when it is made, and when it is written.
  const queue = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'))
  for (let n = 0; n < 0.4 * queue; n++) {
    for (const name of ['a', 'b']) writeFileSync(scene.path(name, `${n}`), '1')
  }
  mkdirSync(scene.path('c'))
  writeFileSync(scene.path('c', 'file'), '1')
  await scene.until(() => scene.events.some(({ kind }) => kind === 'lost'))
  await scene.recorded()
})

test('any edits are recorded by nothing but what the system tells', async (t) => {
  if (!requireTool(t, linux, 'a watch for each directory')) return
  const random = seededRandom(Number(process.env['SEED'] ?? 7))
  // A file with several names has everything scanned each time, which would hide what is missed.
  const kinds = actions.filter((action) => action !== 'link')
  for (let round = 0; round < 2 * fuzz; round++) {
    const scene = await Scene.make(t, { debounceMs: 20, maxDelayMs: 200 })
    for (let n = 0; n < 400; n++) {
      const action = kinds[Math.floor(random() * kinds.length)]!
      doEdit(scene.folder.root, { action, seed: Math.floor(random() * 2 ** 31) })
      if (random() < 0.2) await setTimeout(random() * 40)
    }
    await scene.recorded()
    assert.ok(scene.scans.includes('some'))
    assert.deepEqual(
      scene.scans.filter((scan) => scan !== 'some'),
      ['first'],
    )
  }
})

test('a directory that was moved is followed', async (t) => {
  const scene = await Scene.make(t)
  mkdirSync(scene.path('a', 'deep'), { recursive: true })
  writeFileSync(scene.path('a', 'deep', 'file'), '1')
  await scene.settled()
  renameSync(scene.path('a'), scene.path('b'))
  await scene.settled()
  writeFileSync(scene.path('b', 'deep', 'file'), 'changed')
  await scene.recorded()
})

test('a directory that another process recorded first is watched too', async (t) => {
  const scene = await Scene.make(t, { debounceMs: 1500, maxDelayMs: 5000 })
  let isFirst = false
  // A machine that is busy for a second or two is too late: then with another directory.
  for (let n = 0; !isFirst; n++) {
    const seen = scene.reports.length
    mkdirSync(scene.path(`new-${n}`, 'deep'), { recursive: true })
    // Long enough for its time to be relied on.
    await setTimeout(100)
    isFirst = (await takeSnapshot(scene.folder)).id !== undefined
    await scene.until(() => scene.reports.length > seen)
    if (isFirst) assert.equal(scene.reports.at(-1)!.id, undefined)
    writeFileSync(scene.path(`new-${n}`, 'deep', 'file'), '1')
    await scene.settled()
  }
  await scene.recorded()
})

test('snapshots do not lead to snapshots, nor does what is ignored lead to scans', async (t) => {
  if (!requireTool(t, linux, 'a watch for each directory')) return
  const parent = temporaryDirectory(t)
  // With its repository inside.
  const scene = new Scene(await initFolder(parent))
  t.after(() => scene.stop())
  mkdirSync(scene.path('build'))
  mkdirSync(scene.path('cache'))
  writeFileSync(scene.path('cache', 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55')
  writeFileSync(scene.path('.tidemarkignore'), 'build/\n*.log\n')
  scene.start()
  await scene.until(() => scene.reports.length === 1)
  writeFileSync(scene.path('kept'), '1')
  await scene.until(() => scene.reports.length === 2)
  scene.events.length = 0
  for (let n = 0; n < 30; n++) {
    writeFileSync(scene.path('build', `${n}`), '1')
    writeFileSync(scene.path('cache', `${n}`), '1')
    writeFileSync(scene.path('a.log'), `${n}`)
    await setTimeout(20)
  }
  await setTimeout(500)
  assert.deepEqual(scene.scans, [])
})

test('what is mounted over the folder is not taken for it', async (t) => {
  if (!requireTool(t, linux && getuid?.() === 0, 'mounting needs root')) return
  const scene = await Scene.make(t, { rescanMs: 300 })
  const { root } = scene.folder
  writeFileSync(scene.path('file'), '1')
  await scene.until(() => scene.reports.length === 2)
  execFileSync('mount', ['-t', 'tmpfs', 'none', root])
  try {
    await scene.until(() => scene.events.at(-1)?.kind === 'away')
    writeFileSync(scene.path('stranger'), '1')
    await setTimeout(1500)
    assert.equal(scene.events.at(-1)?.kind, 'away')
  } finally {
    // It may be looking at it just now.
    execFileSync('umount', ['-l', root])
  }
  writeFileSync(scene.path('file'), '2')
  await scene.until(() => scene.reports.length === 3)
  assert.equal(scene.reports[2]!.snapshot!.root.count, 1)
  await scene.recorded()
})

test('where the system allows only few watches all is found by looking', async (t) => {
  const limited = 'echo 20 > /proc/sys/user/max_inotify_watches && exec "$@"'
  const command = ['-Ur', 'sh', '-c', limited, 'sh']
  const able = ((): boolean => {
    try {
      execFileSync('unshare', [...command, 'true'], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })()
  if (!requireTool(t, able, 'a limit on watches, by unshare')) return
  const parent = temporaryDirectory(t)
  const program = fileURLToPath(new URL('watching-process.ts', import.meta.url))
  const output = execFileSync('unshare', [...command, process.execPath, program, parent], {
    encoding: 'utf8',
    timeout: 300_000,
  })
  const lines = output.trim().split('\n')
  assert.deepEqual(
    lines.filter((line) => line !== 'scan'),
    ['blind', 'watching 20', 'found'],
  )
})

test('changes are told as they happen', async (t) => {
  const folder = await initFolder(temporaryDirectory(t))
  t.after(() => folder.close())
  writeFileSync(join(folder.root, 'a'), 'some content that is moved')
  await takeSnapshot(folder)
  writeFileSync(join(folder.root, 'before'), '1')
  const changes = folderChanges(folder, { debounceMs: 50 })
  const next = async (): Promise<string> => {
    for (;;) {
      const { value } = (await changes.next()) as { value: Change }
      if (value.path !== '') return `${value.kind} ${value.from ?? ''} ${value.path}`
    }
  }
  assert.equal(await next(), 'added  before')
  const moved = next()
  renameSync(join(folder.root, 'a'), join(folder.root, 'b'))
  assert.equal(await moved, 'moved a b')
  const removed = next()
  rmSync(join(folder.root, 'before'))
  assert.equal(await removed, 'removed  before')
  await changes.return(undefined)
})
