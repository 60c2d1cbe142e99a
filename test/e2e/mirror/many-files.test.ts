import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { openDirectory } from '../../../src/folder/system/directory-handle.ts'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { ThreadedPlacing, type Came } from '../../../src/mirror/follow/threaded-placing.ts'
import { publishOnce } from '../../../src/mirror/origin/publish.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { staticServer } from '../../suites/static-server.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const pathOf = (i: number): string => `d${i % 7}/f${i}`

function fileOf(i: number): Came {
  const content = Buffer.from(`content ${i}`.repeat(i % 50))
  return {
    path: pathOf(i),
    content,
    mode: i % 2 === 0 ? 0o640 : 0o444,
    mtimeNs: 1_700_000_000_000_000_001n + BigInt(i),
  }
}

/** The names of whatever writers have left in a tree. */
const leftIn = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('.tidemark-'))

suite('many small files', () => {
  test('are put in their places by a thread, which tells of those that it could not', async (t) => {
    const root = memoryDirectory(t)
    const outside = memoryDirectory(t)
    // In the way: a file, a link that leads out, a directory with something in it.
    writeFileSync(join(root, 'd1'), 'not listed')
    symlinkSync(outside, join(root, 'd2'))
    mkdirSync(join(root, pathOf(3)), { recursive: true })
    writeFileSync(join(root, pathOf(3), 'file'), 'not listed')
    const handle = openDirectory(root)
    t.after(() => handle.close())
    const placed = new Set<string>()
    const thread = new ThreadedPlacing<Came>(`/proc/self/fd/${handle.fd}/.`, (files) => {
      for (const { path } of files) placed.add(path)
    })
    const count = 3000
    const failed = new Set<string>()
    // One thread is used again and again.
    for (const [from, to] of [
      [0, 1900],
      [1900, count],
    ] as const) {
      for (let i = from; i < to; i++) await thread.add(fileOf(i))
      for (const { path } of await thread.placeAll()) failed.add(path)
      assert.equal(placed.size + failed.size, to)
    }
    await thread.close()
    for (let i = 0; i < count; i++) {
      const { path, content, mode, mtimeNs } = fileOf(i)
      const isInTheWay = i % 7 === 1 || i % 7 === 2 || i === 3
      assert.deepEqual([placed.has(path), failed.has(path)], [!isInTheWay, isInTheWay], path)
      if (isInTheWay) continue
      const stat = statSync(join(root, path), { bigint: true })
      assert.deepEqual([Number(stat.mode) & 0o777, stat.mtimeNs], [mode, mtimeNs])
      assert.deepEqual(readFileSync(join(root, path)), content)
    }
    assert.deepEqual(readdirSync(outside), [])
    assert.deepEqual(leftIn(root), [])
  })

  test('that a thread cannot place are set aside with the reason, and come when it is gone', async (t) => {
    const { root, mirror, target } = await scene(t, 1200)
    mkdirSync(target, { recursive: true })
    writeFileSync(join(target, 'd1'), 'not listed')
    const { files, waiting } = await mirror.catchUp()
    const blocked = Array.from({ length: 1200 }, (_, i) => i).filter((i) => i % 7 === 1).length
    assert.deepEqual([files, waiting], [1200 - blocked, blocked])
    assert.match(mirror.state.work.asides(1)[0]!.reason, /stands where a directory is needed/)
    rmSync(join(target, 'd1'))
    for (const { path } of mirror.state.work.asides(1200)) mirror.state.work.retry(path)
    mirror.state.set('unfinished', '1')
    assert.equal((await mirror.catchUp()).waiting, 0)
    for (let i = 0; i < 1200; i++)
      assert.deepEqual(readFileSync(join(target, pathOf(i))), readFileSync(join(root, pathOf(i))))
    assert.deepEqual(leftIn(target), [])
  })

  test('that are other than the index says are set aside, the rest comes', async (t) => {
    const { root, mirror, target } = await scene(t, 1200)
    // As long as before, so that only the hash tells.
    const wrong = [0, 700, 1199].map(pathOf)
    for (const path of wrong) writeFileSync(join(root, path), readFileSync(join(root, path)).fill('x'))
    const { files, waiting } = await mirror.catchUp()
    assert.deepEqual([files, waiting], [1200 - wrong.length, wrong.length])
    assert.deepEqual(
      mirror.state.work
        .asides(10)
        .map(({ path }) => path)
        .toSorted(),
      wrong.toSorted(),
    )
    for (const path of wrong) assert.throws(() => statSync(join(target, path)), { code: 'ENOENT' })
  })
})

interface Scene {
  readonly root: string
  readonly target: string
  readonly mirror: Mirror
}

async function scene(t: TestContext, count: number): Promise<Scene> {
  const directory = memoryDirectory(t)
  const [root, target] = [join(directory, 'origin'), join(directory, 'mirror')]
  for (let i = 0; i < 7; i++) mkdirSync(join(root, `d${i}`), { recursive: true })
  for (let i = 0; i < count; i++) writeFileSync(join(root, pathOf(i)), `content of ${i}`)
  await publishOnce(root)
  const { url } = await staticServer(t, root)
  const { signal } = new AbortController()
  const mirror = new Mirror({ source: parseLocation(url, '/'), directory: target, signal })
  t.after(() => mirror.close())
  return { root, target, mirror }
}
