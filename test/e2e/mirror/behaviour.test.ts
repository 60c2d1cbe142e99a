import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isTidemarkError } from '../../../src/errors.ts'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import type { MirrorEvent, MirrorOptions } from '../../../src/mirror/follow/mirror-options.ts'
import { printMetrics } from '../../../src/mirror/follow/metrics.ts'
import { readStatus, statusOf } from '../../../src/mirror/follow/status.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { staticServer, type StaticOptions, type StaticServer } from '../../suites/static-server.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { contentsOf, TestOrigin, type OriginKind } from '../../suites/test-origin.ts'

interface Scene {
  readonly origin: TestOrigin
  readonly server: StaticServer
  readonly target: string
  readonly directory: string
  readonly events: MirrorEvent[]
  readonly follow: (options?: Partial<MirrorOptions>) => Mirror
  readonly compare: () => void
}

async function scene(
  t: TestContext,
  kind: OriginKind = { head: true, sum: true },
  options: StaticOptions = {},
): Promise<Scene> {
  const directory = temporaryDirectory(t)
  const origin = new TestOrigin(join(directory, 'origin'), kind)
  const target = join(directory, 'mirror')
  const server = await staticServer(t, origin.root, options)
  const events: MirrorEvent[] = []
  return {
    origin,
    server,
    target,
    directory,
    events,
    follow: (more = {}) => {
      const mirror = new Mirror({
        source: parseLocation(server.url, '/'),
        directory: target,
        signal: new AbortController().signal,
        onEvent: (event) => events.push(event),
        ...more,
      })
      t.after(() => mirror.close())
      return mirror
    },
    compare: () => assert.deepEqual(contentsOf(target), contentsOf(origin.root)),
  }
}

suite('a mirror', () => {
  test('asks once when nothing has changed, and is told so without a body', async (t) => {
    const { origin, server, follow } = await scene(t)
    for (let i = 0; i < 50; i++) origin.write(`f${i}`, `${i}`)
    origin.aggregate()
    const mirror = follow()
    await mirror.catchUp()
    // Web servers tell times in whole seconds: what was written just now is not taken for settled.
    await sleep(2100)
    await mirror.catchUp()
    server.requests.length = 0
    assert.equal((await mirror.catchUp()).unchanged, true)
    assert.deepEqual(
      server.requests.map(({ path, status, bytes }) => [path, status, bytes]),
      [['/RECENT.head', 304, 0]],
    )
  })

  test('notices that the index goes on without its head, and says what to do', async (t) => {
    const { origin, follow, events } = await scene(t)
    origin.write('file', 'one')
    origin.flush()
    let now = 1e12
    const mirror = follow({ now: () => now })
    await mirror.catchUp()
    const head = readFileSync(join(origin.root, 'RECENT.head'))
    // A head that nobody keeps up any more.
    const goOn = (content: string): void => {
      origin.wait(10)
      origin.write('file', content)
      origin.flush()
      writeFileSync(join(origin.root, 'RECENT.head'), head)
    }
    now += 2 * 3_600_000
    assert.equal((await mirror.catchUp()).unchanged, true)
    goOn('two')
    now += 2 * 3_600_000
    // It may be between two writes.
    assert.equal((await mirror.catchUp()).unchanged, true)
    now += 30_000
    assert.equal((await mirror.catchUp()).unchanged, true)
    now += 40_000
    const told = /RECENT-5s\.yaml is newer than RECENT\.head.*publish.*remove.*--forget-key/
    await assert.rejects(mirror.catchUp(), told)
    await assert.rejects(mirror.catchUp(), told)
    await mirror.close()
    assert.equal(events.filter(({ kind }) => kind === 'aside').length, 0)
    // Either advice helps.
    rmSync(join(origin.root, 'RECENT.head'))
    assert.equal((await follow({ now: () => now, forgetKey: true }).catchUp()).files, 1)
  })

  test('reads of a long index only the new top', async (t) => {
    const { origin, server, target, follow, compare } = await scene(t)
    for (let i = 0; i < 2000; i++) origin.write(`dir/${i}`, `${i}`)
    origin.aggregate(true)
    const mirror = follow()
    await mirror.catchUp()
    server.requests.length = 0
    origin.wait(1)
    origin.write('dir/77', 'changed')
    origin.flush()
    await mirror.catchUp()
    compare()
    const index = server.requests.filter(({ path }) => path.endsWith('.yaml'))
    const bytes = index.reduce((sum, request) => sum + request.bytes, 0)
    assert.ok(statSync(join(origin.root, 'RECENT-5s.yaml')).size > 100_000)
    assert.ok(bytes < 4096, `${bytes} bytes of index were read`)
    assert.deepEqual(
      readFileSync(join(target, 'RECENT-5s.yaml')),
      readFileSync(join(origin.root, 'RECENT-5s.yaml')),
    )
  })

  test('reads of an index no events that were merged into it from the one before', async (t) => {
    const { origin, server, follow, compare } = await scene(t)
    for (let i = 0; i < 500; i++) origin.write(`dir/${i}`, `${i}`)
    origin.aggregate(true)
    const mirror = follow()
    await mirror.catchUp()
    origin.wait(1)
    for (let i = 0; i < 100; i++) origin.write(`dir/${i * 3}`, `changed ${i}`)
    origin.flush()
    origin.aggregate(true)
    server.requests.length = 0
    await mirror.catchUp()
    compare()
    const bytes = (interval: string): number[] =>
      server.requests.filter(({ path }) => path === `/RECENT-${interval}.yaml`).map(({ bytes }) => bytes)
    assert.ok(bytes('5s').reduce((sum, n) => sum + n) > 10_000)
    for (const interval of ['20s', '80s', '320s'])
      assert.ok(
        bytes(interval).length === 1 && bytes(interval)[0]! < 1500,
        `${interval}: ${bytes(interval).join()}`,
      )
  })

  test('links what was moved, and copies what is here already, without fetching', async (t) => {
    const { origin, server, target, follow, compare } = await scene(t)
    const content = randomBytes(50_000).toString('hex')
    origin.write('old/name', content)
    origin.flush()
    const mirror = follow()
    await mirror.catchUp()
    const { ino } = lstatSync(join(target, 'old/name'))
    server.requests.length = 0
    origin.wait(1)
    origin.move('old/name', 'new/name')
    origin.write('new/copy', content)
    origin.flush()
    const report = await mirror.catchUp()
    compare()
    assert.equal(report.moved, 2)
    assert.equal(server.requests.filter(({ path }) => path.startsWith('/new')).length, 0)
    const inodes = ['new/name', 'new/copy'].map((path) => lstatSync(join(target, path)).ino)
    assert.ok(inodes.includes(ino))
    assert.notEqual(inodes[0], inodes[1])
  })

  test('goes on with a file whose connection breaks, and with one that a killed mirror left', async (t) => {
    let cuts = 3
    const options: StaticOptions = {
      cut: (path) => (path === '/large' && cuts-- > 0 ? 1_000_000 : undefined),
    }
    const { origin, server, follow, compare } = await scene(t, { head: true }, options)
    origin.write('large', 'line of a large file\n'.repeat(200_000))
    origin.flush()
    await follow().catchUp()
    compare()
    const asked = server.requests.filter(({ path }) => path === '/large').map(({ range }) => range)
    assert.equal(asked.length, 4)
    assert.equal(asked[0], undefined)
    assert.match(asked[1]!, /^bytes=[1-9]\d*-$/)
  })

  test('sets aside what it cannot have, brings the rest, names it, and tries again', async (t) => {
    const { origin, target, follow, events } = await scene(t)
    origin.write('good', 'good')
    origin.write('bad', 'bad')
    origin.flush()
    rmSync(join(origin.root, 'bad'))
    let now = 1e12
    const mirror = follow({ now: () => now })
    const report = await mirror.catchUp()
    assert.deepEqual([report.files, report.waiting], [1, 1])
    assert.equal(readFileSync(join(target, 'good'), 'utf8'), 'good')
    assert.ok(events.some((event) => event.kind === 'aside' && event.path === 'bad'))
    const status = statusOf(mirror.state, target, now)
    assert.deepEqual(
      status.asides.map(({ path }) => path),
      ['bad'],
    )
    assert.equal(status.state, 'partial')
    assert.match(printMetrics(status), /^tidemark_mirror_set_aside\{directory="[^"]+"\} 1$/m)
    // Not before its time.
    assert.equal((await mirror.catchUp()).unchanged, true)
    writeFileSync(join(origin.root, 'bad'), 'bad')
    now += 10_000
    assert.equal((await mirror.catchUp()).waiting, 0)
    assert.equal(readFileSync(join(target, 'bad'), 'utf8'), 'bad')
    assert.equal(readStatus(target, now).state, 'complete')
  })

  test('keeps what is deleted when told so, and deletes it when told no more', async (t) => {
    const { origin, target, follow, compare } = await scene(t)
    origin.write('dir/a', 'a')
    origin.write('b', 'b')
    origin.flush()
    const keeping = follow({ skipDeletes: true })
    await keeping.catchUp()
    origin.wait(1)
    origin.delete('dir/a')
    origin.flush()
    await keeping.catchUp()
    assert.ok(existsSync(join(target, 'dir/a')))
    await keeping.close()
    await follow().catchUp()
    compare()
  })

  test('takes over a tree that is there, and fetches only what differs', async (t) => {
    const { origin, server, target, follow, compare } = await scene(t)
    for (const name of ['a', 'b', 'c']) origin.write(name, `content of ${name}`)
    origin.flush()
    mkdirSync(target)
    writeFileSync(join(target, 'a'), 'content of a', { mode: 0o600 })
    writeFileSync(join(target, 'b'), 'CONTENT of b')
    const report = await follow().catchUp()
    compare()
    assert.deepEqual([report.found, report.files], [1, 2])
    assert.equal(server.requests.filter(({ path }) => path === '/a').length, 0)
  })

  test('is one at a time', async (t) => {
    const { follow } = await scene(t)
    follow()
    assert.throws(
      () => follow(),
      (error) => isTidemarkError(error, 'busy'),
    )
  })

  test('that verifies finds what is broken, missing and too much, and repairs it', async (t) => {
    const { origin, server, target, follow, compare } = await scene(t)
    for (let i = 0; i < 300; i++) origin.write(`d${i % 10}/f${i}`, `content ${i}`)
    origin.aggregate(true)
    const mirror = follow()
    await mirror.catchUp()
    const { mtimeMs } = statSync(join(target, 'd1/f1'))
    writeFileSync(join(target, 'd1/f1'), 'CONTENT 1')
    const times = mtimeMs / 1000
    utimesSync(join(target, 'd1/f1'), times, times)
    rmSync(join(target, 'd2/f2'))
    chmodSync(join(target, 'd3/f3'), 0o777)
    mkdirSync(join(target, 'strange'))
    writeFileSync(join(target, 'strange/file'), 'extra')
    server.requests.length = 0
    const found = await mirror.verify()
    assert.deepEqual(found.broken.toSorted(), ['d1/f1', 'd2/f2', 'd3/f3'])
    assert.deepEqual(
      [found.extra, found.removed, found.proven, found.reread],
      [['strange/file'], 1, true, false],
    )
    compare()
    // Nothing but the head and what was repaired.
    assert.ok(server.requests.every(({ path }) => /^\/(RECENT\.head|d[12]\/f[12])$/.test(path)))
    assert.deepEqual((await mirror.verify()).broken, [])
  })

  test('that verifies finds by the sketch what it should not know, by the index what it does not', async (t) => {
    const { origin, server, follow, compare } = await scene(t)
    for (let i = 0; i < 300; i++) origin.write(`f${i}`, `content ${i}`)
    origin.aggregate(true)
    const mirror = follow()
    await mirror.catchUp()
    mirror.state.items.settle({ path: 'f7', epoch: '1', detail: '', round: 1 })
    mirror.state.items.forget('f8')
    const wrong = await mirror.verify()
    assert.deepEqual([wrong.proven, wrong.reread], [true, true])
    compare()
    mirror.state.items.settle({ path: 'ghost', epoch: '1', detail: '', round: 1 })
    server.requests.length = 0
    const found = await mirror.verify()
    assert.deepEqual([found.proven, found.reread], [true, false])
    assert.ok(server.requests.some(({ path }) => path === '/RECENT.sketch'))
    assert.ok(!server.requests.some(({ path }) => path.endsWith('.yaml')))
    compare()
  })

  test('turns a link to a consistent tree in one step, and leaves the one before alone', async (t) => {
    const { origin, target, directory, follow } = await scene(t)
    const link = join(directory, 'current')
    origin.write('dir/a', 'one')
    origin.write('b', 'one')
    origin.flush()
    let now = 1e12
    const mirror = follow({ current: link, grace: 0, now: () => now })
    await mirror.catchUp()
    const first = readlinkSync(link)
    assert.deepEqual(contentsOf(link), contentsOf(origin.root))
    assert.equal(statSync(join(link, 'b')).ino, statSync(join(target, 'b')).ino)
    const before = contentsOf(first)
    for (let i = 0; i < 4; i++) {
      now += 1e6
      origin.wait(1)
      origin.write('dir/a', `version ${i}`)
      if (i === 1) origin.delete('b')
      if (i === 2) origin.move('dir/a', 'deep/er/a')
      origin.flush()
      const left = readlinkSync(link)
      const seen = contentsOf(left)
      await mirror.catchUp()
      assert.notEqual(readlinkSync(link), left)
      assert.deepEqual(contentsOf(link), contentsOf(origin.root))
      assert.deepEqual(contentsOf(left), seen)
    }
    assert.notDeepEqual(before, contentsOf(link))
    assert.deepEqual(readdirSync(join(target, '.tidemark/generations')).toSorted(), ['0', '1'])
  })

  test('never lets a hard link made of its files by somebody be changed', async (t) => {
    const { origin, target, directory, follow } = await scene(t)
    origin.write('a', 'one')
    origin.flush()
    const mirror = follow()
    await mirror.catchUp()
    linkSync(join(target, 'a'), join(directory, 'kept'))
    origin.wait(1)
    origin.write('a', 'two')
    origin.flush()
    await mirror.catchUp()
    assert.equal(readFileSync(join(directory, 'kept'), 'utf8'), 'one')
  })
})
