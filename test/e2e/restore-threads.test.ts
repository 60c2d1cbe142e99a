import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { initFolder } from '../../src/folder/folder.ts'
import { restore } from '../../src/history/restore.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import type { DirectoryEntry } from '../../src/object/entry.ts'
import { openBucket } from '../../src/store/open-bucket.ts'
import { Repository } from '../../src/store/repository/repository.ts'
import { manyFiles, nthFile, writeManyFiles } from '../suites/many-files.ts'
import { readFolder } from '../suites/read-folder.ts'
import { temporaryDirectory } from '../suites/temporary-directory.ts'

const MiB = 1024 * 1024

/** Without the line of the root, whose time the bookkeeping has changed. */
function below(root: string): Map<string, string> {
  const described = new Map(readFolder(root))
  described.delete('')
  return described
}

/** Restores to `target`, and is to stop so many milliseconds after the large files have been begun; whether it did. */
async function stopRestore(
  repository: Repository,
  root: DirectoryEntry,
  target: string,
  wait: number,
): Promise<boolean> {
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  const onStep = ({ path }: { path: string }): void => {
    if (path !== 'holey') return
    if (wait === 0) stop()
    else setTimeout(stop, wait)
  }
  try {
    await restore(repository, root, target, { signal: controller.signal, onStep })
    return false
  } catch (error) {
    assert.match(String(error), /cancelled/)
    return true
  }
}

suite('restore by several threads', () => {
  const parent = fs.mkdtempSync(join(tmpdir(), 'tidemark-test-'))
  const [source, place] = [join(parent, 'source'), join(parent, 'repository')]
  let root: DirectoryEntry
  let repository: Repository

  before(async () => {
    fs.mkdirSync(source)
    writeManyFiles(source)
    const folder = await initFolder(source, { repository: place })
    root = (await takeSnapshot(folder)).snapshot!.root
    folder.close()
    fs.rmSync(join(source, '.tidemark'), { recursive: true })
    repository = await Repository.open(await openBucket(place))
  })
  after(() => {
    repository.close()
    fs.rmSync(parent, { recursive: true })
  })

  test('gives back everything, large files with their holes, and what was changed in place', async (t) => {
    const target = join(temporaryDirectory(t), 'target')
    const first = await restore(repository, root, target)
    assert.deepEqual(first.problems, [])
    assert.deepEqual([first.files, first.links], [1802, 1])
    assert.deepEqual(below(target), below(source))
    assert.ok(fs.statSync(join(target, 'holey')).blocks * 512 < 10 * MiB)

    // Every other file is changed, every third only touched; one takes the place of a directory.
    for (let n = 0; n < manyFiles; n++) {
      const path = nthFile(target, n)
      if (n % 2 === 1) fs.appendFileSync(path, 'more')
      else if (n % 3 === 0) fs.utimesSync(path, 1, n)
    }
    fs.rmSync(join(target, 'large'))
    fs.mkdirSync(join(target, 'large/deep'), { recursive: true })
    const second = await restore(repository, root, target, { delete: true })
    assert.deepEqual(second.problems, [])
    assert.equal(second.deleted, 2)
    assert.deepEqual(below(target), below(source))
    const third = await restore(repository, root, target, { delete: true })
    assert.deepEqual([third.files, third.metadata, third.unchanged], [0, 0, root.count])
  })

  test('stops when told to, its threads ended and nothing left unfinished', async (t) => {
    const parent = temporaryDirectory(t)
    // In the midst of what is large; a machine that has done that by then is stopped earlier, in the end at once.
    let [wait, target] = [128, join(parent, 'target')]
    while (!(await stopRestore(repository, root, target, wait))) {
      assert.ok(wait > 0, 'it does not stop')
      wait = Math.floor(wait / 2)
      target = join(parent, `target-${wait}`)
    }
    const left = fs.readdirSync(target, { recursive: true, encoding: 'utf8' })
    assert.deepEqual(
      left.filter((path) => path.includes('.tidemark-')),
      [],
    )
  })

  test('takes what a thread finds damaged from another copy, and tells what has none', async (t) => {
    const healthy = join(temporaryDirectory(t), 'repository')
    fs.cpSync(place, healthy, { recursive: true })
    const sourceTree = below(source)
    const packs = fs.readdirSync(join(place, 'packs'), { recursive: true, encoding: 'utf8' })
    const largest = packs
      .map((name) => join(place, 'packs', name))
      .filter((path) => fs.statSync(path).isFile())
      .toSorted((a, b) => fs.statSync(b).size - fs.statSync(a).size)[0]!
    const bytes = fs.readFileSync(largest)
    bytes.fill(0x55, 1000, bytes.length >> 1)
    fs.chmodSync(largest, 0o600)
    fs.writeFileSync(largest, bytes)
    const target = join(temporaryDirectory(t), 'target')
    const report = await restore(repository, root, target)
    const lost = new Set(report.problems.map(({ path }) => path))
    assert.ok(lost.size > 0)
    assert.ok(report.problems.every(({ code }) => code === 'corrupt' || code === 'lost-metadata'))
    const restored = below(target)
    for (const [path, line] of sourceTree) {
      if (!lost.has(path) && !path.startsWith('d')) assert.equal(restored.get(path), line)
      if (path.includes('/f')) assert.ok(lost.has(path) || restored.get(path) === line, path)
    }
    assert.equal(report.files + report.links + lost.size, 1803)
    assert.deepEqual(
      [...restored.keys()].filter((path) => path.includes('.tidemark-')),
      [],
    )

    // With a store that has a copy of all nothing is lost.
    const other = await Repository.open(await openBucket(healthy))
    t.after(() => other.close())
    const again = await restore(other, root, target, { repository })
    assert.deepEqual(again.problems, [])
    assert.deepEqual(below(target), below(source))
  })
})
