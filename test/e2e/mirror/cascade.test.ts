import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { publishOnce } from '../../../src/mirror/origin/publish.ts'
import { HttpTransport } from '../../../src/mirror/transport/http-transport.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { Throttle } from '../../../src/mirror/transport/throttle.ts'
import { requireTool } from '../../require.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { rsyncDaemon } from '../../suites/rsync-daemon.ts'
import { staticServer } from '../../suites/static-server.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { contentsOf, TestOrigin } from '../../suites/test-origin.ts'

test('three mirrors in a row, each over another way, end up as the origin', async (t) => {
  if (!requireTool(t, hasProgram('rsync'), 'rsync is needed')) return
  const directory = temporaryDirectory(t)
  const origin = new TestOrigin(join(directory, 'origin'), { head: true, signed: true })
  const roots = [1, 2, 3].map((n) => join(directory, `mirror-${n}`))
  origin.write('a/b', 'content')
  origin.flush()
  const mirrors: Mirror[] = []
  const follow = async (which: number): Promise<void> => {
    if (mirrors[which] === undefined) {
      const before = which === 0 ? origin.root : roots[which - 1]!
      const source =
        which === 0
          ? (await staticServer(t, before)).url
          : which === 1
            ? await rsyncDaemon(t, before)
            : before
      mirrors[which] = new Mirror({
        source: parseLocation(source, '/'),
        directory: roots[which]!,
        signal: new AbortController().signal,
        requireSignature: true,
        key: origin.publicKey,
      })
      t.after(() => mirrors[which]!.close())
    }
    const report = await mirrors[which].catchUp()
    assert.deepEqual([report.waiting, report.refused], [0, 0])
  }
  for (let round = 0; round < 5; round++) {
    for (const which of [0, 1, 2]) await follow(which)
    assert.deepEqual(contentsOf(roots[2]!), contentsOf(origin.root))
    origin.wait(15)
    origin.write(`a/${round}`, `round ${round}`)
    origin.write('a/b', `content of round ${round}`)
    if (round > 1) origin.delete(`a/${round - 2}`)
    origin.aggregate(round === 3)
  }
})

test('redirects are followed, to their end and no further', async (t) => {
  const directory = temporaryDirectory(t)
  const origin = new TestOrigin(join(directory, 'origin'), { head: true })
  origin.write('a', 'content')
  origin.flush()
  const target = await staticServer(t, origin.root)
  const redirecting = await staticServer(t, origin.root, {
    instead: (request, response) => {
      const url = request.url ?? '/'
      const to = url.startsWith('/loop/') ? url : `${target.url}${url.slice(1)}`
      response.writeHead(302, { location: to }).end()
      return true
    },
  })
  const mirror = new Mirror({
    source: parseLocation(redirecting.url, '/'),
    directory: join(directory, 'mirror'),
    signal: new AbortController().signal,
  })
  t.after(() => mirror.close())
  await mirror.catchUp()
  assert.deepEqual(contentsOf(join(directory, 'mirror')), contentsOf(origin.root))
  const lost = new HttpTransport(`${redirecting.url}loop/`, { throttle: new Throttle(Infinity) })
  t.after(() => lost.close())
  await assert.rejects(lost.read('RECENT.head'), (error) => isTidemarkError(error, 'denied'))
})

test('a mirror hands on the sketch, and a mirror of it is proven by that', async (t) => {
  const directory = temporaryDirectory(t)
  const [root, first, second] = ['origin', 'first', 'second'].map((name) => join(directory, name))
  mkdirSync(root!)
  for (let i = 0; i < 50; i++) writeFileSync(join(root!, `file-${i}`), `${i}`)
  await publishOnce(root!)
  const follow = (source: string, to: string): Mirror => {
    const signal = new AbortController().signal
    const mirror = new Mirror({ source: parseLocation(source, '/'), directory: to, signal })
    t.after(() => mirror.close())
    return mirror
  }
  const origin = await staticServer(t, root!)
  const one = follow(origin.url, first!)
  await one.catchUp()
  origin.requests.length = 0
  assert.equal(await one.handOnSketch(), true)
  assert.equal(await one.handOnSketch(), false)
  // Made here, not fetched.
  assert.ok(origin.requests.reduce((sum, { bytes }) => sum + bytes, 0) <= 100)
  const sketch = readFileSync(join(root!, 'RECENT.sketch'))
  assert.deepEqual(readFileSync(join(first!, 'RECENT.sketch')), sketch)
  const server = await staticServer(t, first!)
  const two = follow(server.url, second!)
  await two.catchUp()
  // As if it had been told of something that neither has.
  two.state.items.settle({ path: 'stray', epoch: '1', detail: 'l x', round: 1 })
  const verified = await two.verify()
  assert.deepEqual([verified.proven, verified.reread], [true, false])
  assert.ok(server.requests.some(({ path }) => path === '/RECENT.sketch'))

  // With the next head it would prove nothing, and goes.
  writeFileSync(join(root!, 'file-1'), 'changed')
  await publishOnce(root!)
  await one.catchUp()
  assert.equal(existsSync(join(first!, 'RECENT.sketch')), false)
  assert.equal(await one.handOnSketch(), true)
})
