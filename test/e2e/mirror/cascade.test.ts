import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
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
