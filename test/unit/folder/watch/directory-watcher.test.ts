import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { IgnoreRules } from '../../../../src/folder/scan/ignore-rules.ts'
import { openDirectory } from '../../../../src/folder/system/directory-handle.ts'
import { DirectoryWatcher } from '../../../../src/folder/watch/directory-watcher.ts'
import { RecursiveWatcher } from '../../../../src/folder/watch/recursive-watcher.ts'
import type { FolderWatcher, OpenWatcher } from '../../../../src/folder/watch/watcher.ts'
import { requireTool } from '../../../require.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

const linux = process.platform === 'linux'

class Bench {
  readonly root: string
  readonly watcher: FolderWatcher
  readonly told = new Set<string>()

  constructor(t: TestContext, open: OpenWatcher, ...directories: string[]) {
    this.root = temporaryDirectory(t)
    for (const directory of directories) mkdirSync(join(this.root, directory), { recursive: true })
    this.watcher = open(this.root, {
      changed: (directory) => this.told.add(`/${directory}`),
      everything: (why) => this.told.add(why),
      blind: (message) => this.told.add(message),
    })
    t.after(() => this.watcher.close())
    this.watcher.begin(true)
    for (const directory of ['', ...directories]) this.enter(directory)
    this.watcher.end()
  }

  ino(directory: string): bigint {
    return statSync(join(this.root, directory), { bigint: true }).ino
  }

  enter(directory: string): void {
    const path = join(this.root, directory)
    this.watcher.enter({ path, relative: directory, ino: this.ino(directory) })
  }

  write(path: string): void {
    writeFileSync(join(this.root, path), String(Math.random()))
  }

  /** What is told within a moment; waits longer while there is nothing. */
  async heard(): Promise<string[]> {
    for (let n = 0; n < 3000 && this.told.size === 0; n++) await setTimeout(20)
    await setTimeout(50)
    const told = [...this.told].toSorted()
    this.told.clear()
    return told
  }

  /** Everything told before a change that must be told of. */
  async heardBefore(path: string, directory: string): Promise<string[]> {
    this.write(path)
    const told = await this.heard()
    assert.ok(told.includes(directory), `${directory} among ${told.join()}`)
    return told.filter((one) => one !== directory)
  }
}

const openDirectories: OpenWatcher = (root, hints) => new DirectoryWatcher(root, hints)
const openRecursive: OpenWatcher = (root, hints) => new RecursiveWatcher(root, hints)

for (const [name, open] of [
  ['directories', openDirectories],
  ['recursive', openRecursive],
] as const) {
  test(`${name}: a change is told of by its directory`, async (t) => {
    const bench = new Bench(t, open, 'a/b')
    await setTimeout(200)
    bench.write('a/b/file')
    assert.ok((await bench.heard()).includes('/a/b'))
    rmSync(join(bench.root, 'a/b/file'))
    assert.ok((await bench.heard()).includes('/a/b'))
    bench.write('file')
    assert.ok((await bench.heard()).includes('/'))
  })

  test(`${name}: the bookkeeping is not told of, rules are`, async (t) => {
    const bench = new Bench(t, open, 'a')
    await setTimeout(200)
    mkdirSync(join(bench.root, '.tidemark'))
    bench.write('.tidemark/file')
    assert.deepEqual(await bench.heardBefore('a/file', '/a'), [])
    bench.write('a/.tidemarkignore')
    assert.ok((await bench.heard()).includes('rules'))
  })
}

test('names that are no text are told of', async (t) => {
  if (!requireTool(t, linux, 'names of any bytes')) return
  const bench = new Bench(t, openDirectories, 'a')
  writeFileSync(Buffer.concat([Buffer.from(join(bench.root, 'a/')), Buffer.from([0xff, 0xfe])]), '')
  assert.deepEqual(await bench.heard(), ['/a'])
})

test('what rules leave out is not told of, unless a directory of that name may not be', async (t) => {
  if (!requireTool(t, linux, 'a watch for each directory')) return
  const bench = new Bench(t, openDirectories, 'a', 'b')
  const rules = temporaryDirectory(t)
  writeFileSync(join(rules, '.tidemarkignore'), '*.tmp\nbuild/\n')
  const handle = openDirectory(rules)
  t.after(() => handle.close())
  bench.watcher.heed('a', IgnoreRules.none.enter(handle, ''))
  bench.write('a/x.tmp')
  assert.deepEqual(await bench.heardBefore('b/file', '/b'), [])
  bench.write('a/build')
  assert.deepEqual(await bench.heard(), ['/a'])
  // A scan that enters it again tells the rules again.
  bench.enter('a')
  bench.write('a/x.tmp')
  assert.deepEqual(await bench.heard(), ['/a'])
})

test('a directory that another one replaced is not covered', async (t) => {
  if (!requireTool(t, linux, 'a watch for each directory')) return
  const bench = new Bench(t, openDirectories, 'a', 'b')
  const [a, b] = [bench.ino('a'), bench.ino('b')]
  assert.equal(bench.watcher.covers('a', a), true)
  assert.equal(bench.watcher.covers('a', b), false)
  assert.equal(bench.watcher.covers('c', b), false)
  rmSync(join(bench.root, 'a'), { recursive: true })
  assert.deepEqual(await bench.heard(), ['/', '/a'])
  // Another may have the same number.
  assert.equal(bench.watcher.covers('a', a), false)
  renameSync(join(bench.root, 'b'), join(bench.root, 'a'))
  assert.deepEqual(await bench.heard(), ['/', '/b'])
  bench.enter('a')
  assert.equal(bench.watcher.covers('a', b), true)
  bench.write('a/file')
  assert.deepEqual(await bench.heard(), ['/a'])
})

test('what a scan left, or did not enter, is watched no longer', (t) => {
  if (!requireTool(t, linux, 'a watch for each directory')) return
  const bench = new Bench(t, openDirectories, 'a', 'a/b', 'ab', 'c')
  assert.equal(bench.watcher.directories, 5)
  bench.watcher.begin(false)
  bench.watcher.leave('a')
  bench.watcher.end()
  assert.equal(bench.watcher.directories, 3)
  assert.equal(bench.watcher.covers('ab', bench.ino('ab')), true)
  bench.watcher.begin(true)
  bench.enter('')
  bench.enter('ab')
  bench.watcher.end()
  assert.equal(bench.watcher.directories, 2)
})

test('a queue that overflows is noticed', async (t) => {
  if (!requireTool(t, linux, 'a queue of changes that Node does not tell of')) return
  const bench = new Bench(t, openDirectories, 'a')
  // Nothing is told while this goes on.
  const queue = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'))
  for (let n = 0; n < 0.7 * queue; n++) {
    bench.write('a/file')
    rmSync(join(bench.root, 'a/file'))
  }
  assert.ok((await bench.heard()).includes('lost'))
})
