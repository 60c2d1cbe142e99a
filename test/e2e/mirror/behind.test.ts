import assert from 'node:assert/strict'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { publishAt } from '../../suites/past-publishing.ts'
import { checkComplete } from '../../suites/published.ts'
import { staticServer } from '../../suites/static-server.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const hour = 3_600_000

test('a mirror a week behind reads each index once, and no more than what it does not have', async (t) => {
  const directory = temporaryDirectory(t)
  const root = join(directory, 'origin')
  const write = (number: number, content: string): void => {
    mkdirSync(join(root, `d${number % 20}`), { recursive: true })
    writeFileSync(join(root, `d${number % 20}/f${number}`), content)
  }
  for (let i = 0; i < 2000; i++) write(i, `${i}`)
  let now = Date.now() - 170 * hour
  await publishAt(root, now)
  const server = await staticServer(t, root)
  const follow = (): Mirror => {
    const source = parseLocation(server.url, '/')
    const mirror = new Mirror({
      source,
      directory: join(directory, 'mirror'),
      signal: new AbortController().signal,
    })
    t.after(() => mirror.close())
    return mirror
  }
  const first = follow()
  await first.catchUp()
  await first.close()

  const times = 14
  const changes = 2000
  for (let i = 0; i < times; i++) {
    now += 12 * hour
    for (let n = Math.floor((i * changes) / times); n < Math.floor(((i + 1) * changes) / times); n++)
      write(n, `${n} changed`)
    await publishAt(root, now)
  }
  checkComplete(root)
  server.requests.length = 0
  const report = await follow().catchUp()
  assert.deepEqual([report.files, report.waiting, report.full], [changes, 0, false])

  const bytes = new Map<string, number>()
  const reads = new Map<string, number>()
  for (const { path, bytes: size } of server.requests) {
    if (!path.startsWith('/RECENT-')) continue
    reads.set(path, (reads.get(path) ?? 0) + 1)
    bytes.set(path, (bytes.get(path) ?? 0) + size)
  }
  for (const [path, size] of bytes) {
    const whole = statSync(join(root, path)).size
    // What stands before the events may be read twice, when it does not lead to the rest.
    assert.ok(size <= whole + 2048, `${path}: ${size} of ${whole} bytes in ${reads.get(path)} reads`)
  }
  for (const interval of ['6h', '1d', '1W']) assert.ok(bytes.has(`/RECENT-${interval}.yaml`), interval)
})
