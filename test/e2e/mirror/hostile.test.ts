import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isTidemarkError } from '../../../src/errors.ts'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import type { MirrorEvent, MirrorOptions } from '../../../src/mirror/follow/mirror-options.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { encodeHead, parseHead } from '../../../src/recent/index.ts'
import { newSigningKey } from '../../../src/hash/ed25519.ts'
import { requireTool } from '../../require.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { rsyncDaemon } from '../../suites/rsync-daemon.ts'
import { staticServer } from '../../suites/static-server.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { contentsOf, TestOrigin } from '../../suites/test-origin.ts'

interface Scene {
  readonly origin: string
  readonly target: string
  /** Beside the target: nothing may ever change in it. */
  readonly outside: string
  readonly events: MirrorEvent[]
  readonly follow: (options?: Partial<MirrorOptions>) => Mirror
}

function scene(t: TestContext, source?: string): Scene {
  // Hooks run in the order in which they were given: this one before the directory goes.
  t.after(() => {
    assert.deepEqual(readdirSync(outside), ['secret'])
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret')
    assert.deepEqual(readdirSync(directory).toSorted(), ['origin', 'outside', 'target'])
  })
  const directory = temporaryDirectory(t)
  const origin = join(directory, 'origin')
  const target = join(directory, 'target')
  const outside = join(directory, 'outside')
  mkdirSync(origin)
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'secret')
  const events: MirrorEvent[] = []
  return {
    origin,
    target,
    outside,
    events,
    follow(options = {}) {
      const mirror = new Mirror({
        source: parseLocation(source ?? origin, '/'),
        directory: target,
        signal: new AbortController().signal,
        onEvent: (event) => events.push(event),
        ...options,
      })
      t.after(() => mirror.close())
      return mirror
    },
  }
}

interface Line {
  readonly path: string
  readonly type?: string
  readonly epoch?: string
  readonly detail?: string
}

/** An index as a hostile origin writes it: anything may stand in it. */
function index(lines: readonly Line[]): string {
  const events = lines.map(
    ({ path, type = 'new', epoch, detail }, i) =>
      `  - \n${detail === undefined ? '' : `    Tidemark: ${JSON.stringify(detail)}\n`}    epoch: '${epoch ?? 2_000_000 - i}'\n    path: ${JSON.stringify(path)}\n    type: ${type}\n`,
  )
  return `--- \nmeta: \n  aggregator: \n    - Z\n  filenameroot: RECENT\n  interval: 1h\n  protocol: 1\n  serializer_suffix: .yaml\nrecent: ${events.length === 0 ? '[]' : ''}\n${events.join('')}`
}

function publish(origin: string, lines: readonly Line[]): void {
  writeFileSync(join(origin, 'RECENT-1h.yaml'), index(lines))
  rmSync(join(origin, 'RECENT.recent'), { force: true })
  symlinkSync('RECENT-1h.yaml', join(origin, 'RECENT.recent'))
}

function fileDetail(content: string, size = content.length): string {
  return `f 644 1000.000000000 ${size} ${createHash('sha256').update(content).digest('base64url')}`
}

const badPaths = [
  '../outside/secret',
  'a/../../outside/new',
  '/tmp/tidemark-hostile',
  'a//b',
  './a',
  '.',
  '..',
  '',
  'nul\0byte',
  '.tidemark/mirror.db',
  '.tidemark',
  'x/.tidemark-hostile~',
  `${'long/'.repeat(1000)}x`,
  'n'.repeat(300),
]

suite('a hostile origin', () => {
  test('cannot name what lies outside, and the error names what it tried', async (t) => {
    const { origin, target, events, follow } = scene(t)
    writeFileSync(join(origin, 'good'), 'good')
    publish(origin, [...badPaths.map((path) => ({ path })), { path: 'good' }])
    const mirror = follow()
    const report = await mirror.catchUp()
    assert.deepEqual(contentsOf(target, { exact: false }), { good: 'good' })
    assert.equal(report.refused, badPaths.length)
    const refused = events.filter((event) => event.kind === 'refused').map(({ error }) => error.message)
    assert.ok(
      refused.some((message) => message.includes('../outside/secret')),
      refused.join('\n'),
    )
    assert.ok(!existsSync('/tmp/tidemark-hostile'))
  })

  test('cannot lead through a link that it has made', async (t) => {
    const { origin, target, outside, events, follow } = scene(t)
    mkdirSync(join(origin, 'dir'))
    writeFileSync(join(origin, 'dir/secret'), 'changed')
    writeFileSync(join(origin, 'dir/other'), 'changed')
    publish(origin, [
      { path: 'dir/secret', detail: fileDetail('changed') },
      { path: 'dir/other' },
      { path: 'dir', detail: `l ${outside}` },
    ])
    const mirror = follow()
    await mirror.catchUp()
    // And the other way round: the link is there first.
    publish(origin, [
      { path: 'dir/secret', epoch: '3000002', detail: fileDetail('changed') },
      { path: 'dir/other', epoch: '3000001', type: 'delete' },
      { path: 'dir', epoch: '3000000', detail: `l ${outside}` },
    ])
    await mirror.catchUp()
    assert.ok(events.some(({ kind }) => kind === 'aside'))
    assert.ok(existsSync(target))
  })

  test('cannot use a link that somebody puts into the mirror', async (t) => {
    const { origin, target, outside, events, follow } = scene(t)
    mkdirSync(join(origin, 'dir'))
    writeFileSync(join(origin, 'dir/secret'), 'changed')
    publish(origin, [{ path: 'dir/secret' }, { path: 'dir/gone', type: 'delete' }])
    mkdirSync(target)
    symlinkSync(outside, join(target, 'dir'))
    await follow().catchUp()
    const [aside] = events.filter((event) => event.kind === 'aside')
    assert.equal(aside?.path, 'dir/secret')
    assert.match(aside.error.message, /symbolic link/)
  })

  test('cannot send other bytes than the index tells, nor more', async (t) => {
    const { origin, target, events, follow } = scene(t)
    writeFileSync(join(origin, 'forged'), 'evil')
    writeFileSync(join(origin, 'larger'), 'x'.repeat(100_000))
    writeFileSync(join(origin, 'good'), 'good')
    publish(origin, [
      { path: 'forged', detail: fileDetail('good') },
      { path: 'larger', detail: fileDetail('x', 1) },
      { path: 'nonsense', detail: 'f 99999 never' },
      { path: 'good', detail: fileDetail('good') },
    ])
    const report = await follow().catchUp()
    assert.deepEqual(Object.keys(contentsOf(target)), ['good'])
    assert.deepEqual([report.waiting, report.refused], [2, 1])
    const asides = events.filter((event) => event.kind === 'aside').map(({ path }) => path)
    assert.deepEqual(asides.toSorted(), ['forged', 'larger'])
  })

  test('cannot have files made that are none: fifos, devices, set-uid', async (t) => {
    const { origin, target, follow } = scene(t)
    writeFileSync(join(origin, 'suid'), 'good', { mode: 0o755 })
    publish(origin, [
      { path: 'suid', detail: fileDetail('good').replace('f 644', 'f 6755') },
      { path: 'fifo', detail: 'p 644' },
    ])
    await follow().catchUp()
    assert.deepEqual(contentsOf(target), { suid: '755 1000000 good' })
  })

  test('is not believed about the order of its events, nor about intervals and names', async (t) => {
    const { origin, target, follow } = scene(t)
    writeFileSync(join(origin, 'a'), 'a')
    publish(origin, [
      { path: 'a', epoch: '5' },
      { path: 'b', epoch: '9'.repeat(500) },
      { path: 'c', epoch: '9' },
    ])
    const report = await follow().catchUp()
    assert.equal(report.refused, 2)
    assert.deepEqual(Object.keys(contentsOf(target)), ['a'])
  })

  for (const meta of ['filenameroot: ../../outside/x', 'interval: 1e9', 'filenameroot: ""']) {
    test(`cannot name an index by ${meta}`, async (t) => {
      const { origin, follow } = scene(t)
      const [key = ''] = meta.split(':')
      publish(origin, [])
      const path = join(origin, 'RECENT-1h.yaml')
      writeFileSync(path, readFileSync(path, 'utf8').replace(new RegExp(`${key}: .*`), meta))
      await assert.rejects(follow().catchUp(), (error) => isTidemarkError(error))
    })
  }

  test('cannot grow the memory with a million entries', async (t) => {
    const { origin, follow } = scene(t)
    const lines = Array.from({ length: 200_000 }, (_, i) => ({ path: `f${i}`, type: 'delete' }))
    publish(origin, lines)
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    collect()
    const before = process.memoryUsage().heapUsed
    await follow().catchUp()
    collect()
    const grown = process.memoryUsage().heapUsed - before
    assert.ok(grown < 50 * 1024 * 1024, `${grown} bytes`)
  })

  test('cannot send an endless head, nor an endless file', async (t) => {
    const directory = temporaryDirectory(t)
    mkdirSync(join(directory, 'root'))
    const endless = await staticServer(t, join(directory, 'root'), {
      instead: (request, response) => {
        if (request.url !== '/RECENT.head') return false
        response.writeHead(200)
        const timer = setInterval(() => response.write('x'.repeat(65_536)), 1)
        response.on('close', () => clearInterval(timer))
        return true
      },
    })
    await assert.rejects(scene(t, endless.url).follow().catchUp(), (error) => isTidemarkError(error, 'limit'))
  })

  test('cannot go back in time, change its key, or lose its signature unnoticed', async (t) => {
    const { origin: root, target, follow } = scene(t)
    const origin = new TestOrigin(root, { head: true, signed: true })
    origin.write('a', '1')
    origin.flush()
    const old = readdirSync(root)
      .filter((name) => name.startsWith('RECENT') && name !== 'RECENT.recent')
      .map((name) => [name, readFileSync(join(root, name))] as const)
    origin.write('a', '2')
    origin.flush()
    const mirror = follow({ requireSignature: true, key: origin.publicKey })
    await mirror.catchUp()
    const before = contentsOf(target)
    for (const [name, bytes] of old) writeFileSync(join(root, name), bytes)
    await assert.rejects(mirror.catchUp(), /stale or forged.*older/)
    const { indexes, sequence } = parseHead(readFileSync(join(root, 'RECENT.head')))
    const head = { indexes, sequence: sequence + 100, written: '1' }
    writeFileSync(join(root, 'RECENT.head'), encodeHead(head, newSigningKey()))
    await assert.rejects(mirror.catchUp(), /stale or forged.*another key/)
    writeFileSync(join(root, 'RECENT.head'), encodeHead(head))
    await assert.rejects(mirror.catchUp(), /stale or forged.*not signed/)
    rmSync(join(root, 'RECENT.head'))
    await assert.rejects(mirror.catchUp(), /stale or forged.*no signed head/)
    assert.deepEqual(contentsOf(target), before)
  })

  test('cannot lead rsync through a link on the way', async (t) => {
    if (!requireTool(t, hasProgram('rsync'), 'rsync is needed')) return
    const directory = mkdtempSync(join(temporaryDirectory(t), 'x-'))
    const { origin, target, outside, events, follow } = scene(t, await rsyncDaemon(t, directory))
    symlinkSync(outside, join(directory, 'dir'))
    writeFileSync(join(directory, 'good'), 'good')
    writeFileSync(
      join(directory, 'RECENT-1h.yaml'),
      index([{ path: 'dir/secret' }, { path: 'dir' }, { path: 'good' }]),
    )
    symlinkSync('RECENT-1h.yaml', join(directory, 'RECENT.recent'))
    await follow().catchUp()
    const found = contentsOf(target, { exact: false })
    assert.equal(found['good'], 'good')
    assert.ok(existsSync(origin) && events.length > 0)
  })
})
