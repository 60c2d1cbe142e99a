import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveWeb } from '../../../src/cli/web-server.ts'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { treeHandler } from '../../../src/server/tree-handler.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { TestOrigin } from '../../suites/test-origin.ts'

test('a mirror that asks once an hour has changes at once from an origin that waits with its answer', async (t) => {
  const directory = temporaryDirectory(t)
  const origin = new TestOrigin(join(directory, 'origin'), { head: true })
  origin.write('a', 'one')
  origin.flush()
  const handler = treeHandler(origin.root)
  let requests = 0
  const server = await serveWeb(
    (request) => {
      requests++
      return handler(request)
    },
    { host: '127.0.0.1', port: 0 },
  )
  const stop = new AbortController()
  const target = join(directory, 'mirror')
  const mirror = new Mirror({
    source: parseLocation(server.url, '/'),
    directory: target,
    signal: stop.signal,
  })
  const watching = mirror.watch(3_600_000)
  t.after(async () => {
    stop.abort()
    await watching
    await mirror.close()
    await server.close()
    handler.close()
  })
  const arrives = async (text: string): Promise<void> => {
    const copy = join(target, 'a')
    for (let n = 0; n < 6000; n++) {
      if (existsSync(copy) && readFileSync(copy, 'utf8') === text) return
      await sleep(20)
    }
    assert.fail(`"${text}" did not arrive`)
  }
  await arrives('one')
  for (let n = 0; n < 5; n++) {
    origin.wait(1)
    origin.write('a', `change ${n}`)
    origin.flush()
    await arrives(`change ${n}`)
  }
  // The first look has no state to wait for; each later change takes a head, an index and a content. Then it is quiet,
  // on a busy machine later.
  let asked = Infinity
  for (let n = 0; n < 60 && asked > 1; n++) {
    const before = requests
    await sleep(700)
    asked = requests - before
  }
  assert.ok(asked <= 1, `${asked} requests while nothing happened`)
})
