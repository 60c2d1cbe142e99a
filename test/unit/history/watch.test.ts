import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isTidemarkError } from '../../../src/errors.ts'
import { initFolder } from '../../../src/folder/folder.ts'
import type { Folder } from '../../../src/folder/folder.ts'
import type { Hints, OpenWatcher } from '../../../src/folder/watch/watcher.ts'
import { folderStatus } from '../../../src/history/status.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import type { SnapshotReport } from '../../../src/history/snapshot.ts'
import type { WatchEvent } from '../../../src/history/watch-event.ts'
import { watchFolder } from '../../../src/history/watch.ts'
import type { WatchOptions } from '../../../src/history/watch.ts'
import { ManualTime } from '../../suites/manual-time.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

/** A watch of a real folder, whose time and whose hints the test makes. */
class Bench {
  readonly time = new ManualTime()
  readonly folder: Folder
  readonly events: WatchEvent[] = []
  readonly reports: SnapshotReport[] = []
  hints: Hints | undefined
  /** Not all directories can be watched. */
  blind = false
  ended: Promise<unknown> = Promise.resolve()
  readonly #stop = new AbortController()

  constructor(folder: Folder) {
    this.folder = folder
  }

  static async make(t: TestContext, parent = temporaryDirectory(t)): Promise<Bench> {
    mkdirSync(join(parent, 'folder'))
    const repository = join(parent, 'repository')
    const bench = new Bench(await initFolder(join(parent, 'folder'), { repository }))
    mkdirSync(join(bench.folder.root, 'd'))
    t.after(async () => {
      await bench.stop()
      bench.folder.close()
    })
    return bench
  }

  start(options: WatchOptions = {}): void {
    const open: OpenWatcher = (_root, hints) => {
      this.hints = hints
      return {
        directories: 7,
        begin: () => {
          if (this.blind) hints.blind('no more')
        },
        enter() {},
        heed() {},
        leave() {},
        end() {},
        close() {},
        covers: () => true,
      }
    }
    const run = async (): Promise<void> => {
      const all = {
        ...options,
        time: this.time,
        random: () => 0.5,
        openWatcher: open,
        signal: this.#stop.signal,
        onEvent: (event: WatchEvent) => this.events.push(event),
      }
      for await (const report of watchFolder(this.folder, all)) this.reports.push(report)
    }
    this.ended = run()
    this.ended.catch(() => {})
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.ended.catch(() => {})
  }

  /** Begins, and waits for the first snapshot. */
  async begin(options: WatchOptions = {}): Promise<void> {
    this.start(options)
    await this.quiet()
    assert.equal(this.reports.length, 1)
    this.events.length = 0
  }

  /** Until the watch sleeps. */
  async quiet(): Promise<void> {
    do await sleep(1)
    while (this.time.next === undefined)
  }

  /** Lets time pass, with all the work that becomes due. */
  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0;) {
      await this.quiet()
      const step = Math.min(left, Math.max(this.time.next! - this.time.now(), 0))
      await this.time.pass(step)
      left -= Math.max(step, 1)
      await this.quiet()
    }
  }

  /** Changes a file, and tells of it. */
  edit(path: string): void {
    this.write(path)
    this.hints!.changed(path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '')
  }

  write(path: string): void {
    writeFileSync(join(this.folder.root, path), `${Math.random()}`)
  }

  get scans(): (string | number | undefined)[] {
    return this.events.flatMap((event) => (event.kind === 'scan' ? [event.why ?? event.directories] : []))
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind)
  }

  async isRecorded(): Promise<boolean> {
    const changes = await Array.fromAsync(folderStatus(this.folder))
    return changes.length === 0
  }
}

test('the first snapshot is of everything, and says how much is watched', async (t) => {
  const bench = await Bench.make(t)
  bench.write('d/file')
  bench.start()
  await bench.quiet()
  assert.deepEqual(bench.kinds, ['scan', 'watching'])
  assert.deepEqual(bench.scans, ['first'])
  assert.equal(bench.reports.length, 1)
  assert.ok(bench.reports[0]!.id)
  assert.ok(await bench.isRecorded())
})

test('a change is recorded once things are quiet', async (t) => {
  const bench = await Bench.make(t)
  await bench.begin()
  bench.edit('d/file')
  await bench.pass(1000)
  bench.edit('d/file')
  await bench.pass(1990)
  assert.equal(bench.reports.length, 1)
  await bench.pass(20)
  assert.equal(bench.reports.length, 2)
  assert.deepEqual(bench.scans, [1])
  assert.ok(await bench.isRecorded())
})

test('changes without end are recorded all the same', async (t) => {
  const bench = await Bench.make(t)
  await bench.begin({ debounceMs: 500, maxDelayMs: 3000 })
  for (let n = 0; n < 17; n++) {
    bench.edit('d/file')
    await bench.pass(400)
  }
  assert.equal(bench.reports.length, 3)
})

test('a change that comes to nothing is no snapshot', async (t) => {
  const bench = await Bench.make(t)
  await bench.begin()
  bench.hints!.changed('d')
  await bench.pass(3000)
  assert.deepEqual(bench.scans, [1])
  assert.equal(bench.reports.length, 1)
})

test('what nobody told of is found from time to time', async (t) => {
  const bench = await Bench.make(t)
  await bench.begin({ rescanMs: 60_000 })
  bench.write('d/file')
  await bench.pass(59_000)
  assert.equal(bench.reports.length, 1)
  await bench.pass(2000)
  assert.deepEqual(bench.scans, ['rescan'])
  assert.equal(bench.reports.length, 2)
})

test('when changes were lost everything is looked at', async (t) => {
  const bench = await Bench.make(t)
  await bench.begin()
  bench.write('d/file')
  bench.hints!.everything('lost')
  bench.hints!.everything('lost')
  await bench.pass(3000)
  assert.deepEqual(bench.kinds, ['lost', 'scan'])
  assert.deepEqual(bench.scans, ['lost'])
  assert.equal(bench.reports.length, 2)
  // The next one has its usual time.
  await bench.pass(600_000)
  assert.deepEqual(bench.scans, ['lost'])
})

test('while not all can be watched, everything is looked at every minute', async (t) => {
  const bench = await Bench.make(t)
  bench.blind = true
  bench.start()
  await bench.quiet()
  assert.deepEqual(bench.kinds, ['scan', 'blind', 'watching'])
  await bench.pass(125_000)
  assert.deepEqual(bench.scans, ['first', 'rescan', 'rescan'])
  bench.blind = false
  await bench.pass(800_000)
  assert.deepEqual(bench.scans, ['first', 'rescan', 'rescan', 'rescan'])
  bench.blind = true
  bench.edit('d/file')
  await bench.pass(70_000)
  assert.deepEqual(bench.kinds.slice(-3), ['scan', 'blind', 'scan'])
  assert.equal(bench.kinds.filter((kind) => kind === 'blind').length, 2)
})

test('changed rules may concern everything', async (t) => {
  const bench = await Bench.make(t)
  bench.write('d/file.tmp')
  await bench.begin()
  writeFileSync(join(bench.folder.root, '.tidemarkignore'), '*.tmp')
  bench.hints!.everything('rules')
  await bench.pass(3000)
  assert.deepEqual(bench.scans, ['rules'])
  assert.equal(bench.reports[1]?.snapshot?.root.count, 2)
})

test('a folder that goes away is waited for, and no other is taken for it', async (t) => {
  const parent = temporaryDirectory(t)
  const bench = await Bench.make(t, parent)
  await bench.begin()
  const { root } = bench.folder
  renameSync(root, join(parent, 'elsewhere'))
  bench.hints!.changed('')
  await bench.pass(10_000)
  assert.deepEqual(bench.kinds, ['scan', 'away'])
  mkdirSync(root)
  await bench.pass(60_000)
  rmSync(root, { recursive: true })
  const stranger = await initFolder(mkdirSync(root, { recursive: true })!, { repository: bench.folder.place })
  stranger.close()
  await bench.pass(60_000)
  assert.deepEqual(bench.kinds, ['scan', 'away'])
  assert.equal(bench.reports.length, 1)
  rmSync(root, { recursive: true })
  renameSync(join(parent, 'elsewhere'), root)
  bench.write('d/file')
  await bench.pass(60_000)
  assert.deepEqual(bench.kinds, ['scan', 'away', 'back', 'scan'])
  assert.deepEqual(bench.scans, [1, 'return'])
  assert.equal(bench.reports.length, 2)
  assert.equal(bench.reports[1]!.parent, bench.reports[0]!.id)
})

test('a repository out of reach is tried again, later and later, and nothing is lost', async (t) => {
  const parent = temporaryDirectory(t)
  const bench = await Bench.make(t, parent)
  await bench.begin()
  // Long enough for the repository to be closed.
  await bench.pass(31_000)
  const { place } = bench.folder
  renameSync(place, `${place}-away`)
  bench.edit('d/file')
  await bench.pass(120_000)
  const waits = bench.events.flatMap((event) => (event.kind === 'failed' ? [event.waitMs] : []))
  assert.deepEqual(waits, [2000, 4000, 8000, 16_000, 32_000, 64_000])
  assert.equal(bench.reports.length, 1)
  renameSync(`${place}-away`, place)
  await bench.pass(70_000)
  assert.equal(bench.kinds.at(-1), 'recovered')
  assert.equal(bench.reports.length, 2)
  assert.ok(await bench.isRecorded())
})

test('what is wrong from the start rejects', async (t) => {
  const bench = await Bench.make(t)
  rmSync(bench.folder.place, { recursive: true })
  bench.start()
  await assert.rejects(bench.ended, (error) => isTidemarkError(error, 'missing'))
})

test('a snapshot that another process takes is told of', async (t) => {
  const bench = await Bench.make(t)
  await bench.begin()
  bench.edit('d/file')
  const { id } = await takeSnapshot(bench.folder)
  await bench.pass(3000)
  assert.equal(bench.reports.length, 2)
  assert.equal(bench.reports[1]!.id, undefined)
  assert.equal(bench.reports[1]!.parent, id)
})

test('while another process takes a snapshot it is waited for', async (t) => {
  const bench = await Bench.make(t)
  await bench.begin()
  bench.edit('d/file')
  await bench.folder.state().begin(0)
  const passing = bench.pass(3000)
  await sleep(200)
  assert.equal(bench.reports.length, 1)
  bench.folder.state().rollback()
  await passing
  assert.equal(bench.reports.length, 2)
})

test('an abort ends it at once, without an error', async (t) => {
  const bench = await Bench.make(t)
  await bench.begin()
  await bench.stop()
  await bench.ended
})
