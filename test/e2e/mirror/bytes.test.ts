import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { publishOnce } from '../../../src/mirror/origin/publish.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { requireTool } from '../../require.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { countingRelay } from '../../suites/counting-relay.ts'
import { rsyncDaemon } from '../../suites/rsync-daemon.ts'
import { staticServer } from '../../suites/static-server.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const size = 1024
const files = 300

/** An origin of some hundred files with all its indexes, and what following so many changes takes beyond their content. */
async function scene(
  t: TestContext,
  serve: (root: string) => Promise<string>,
): Promise<(changes: number) => Promise<number>> {
  const directory = temporaryDirectory(t)
  const root = join(directory, 'origin')
  const change = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const number = Math.floor((i * files) / count)
      mkdirSync(join(root, `d${number % 100}`), { recursive: true })
      writeFileSync(join(root, `d${number % 100}/f${number}`), randomBytes(size))
    }
  }
  change(files)
  await publishOnce(root)
  const url = new URL(await serve(root))
  const relay = await countingRelay(t, Number(url.port))
  url.port = String(relay.port)
  const source = parseLocation(url.href, '/')
  const signal = new AbortController().signal
  const mirror = new Mirror({ source, directory: join(directory, 'mirror'), signal })
  t.after(() => mirror.close())
  await mirror.catchUp()
  return async (changes) => {
    change(changes)
    await publishOnce(root)
    const before = relay.bytes()
    const report = await mirror.catchUp()
    assert.deepEqual([report.files, report.full], [changes, false])
    return relay.bytes() - before - changes * size
  }
}

test('over HTTP changes take at most 4 KB, and 700 bytes each, beyond their content', async (t) => {
  const cost = await scene(t, async (root) => (await staticServer(t, root)).url)
  for (const changes of [1, 1, 100, 100, 10]) {
    const bytes = await cost(changes)
    assert.ok(bytes <= 4096 + 700 * changes, `${changes}: ${bytes}`)
  }
})

test('over rsync changes take at most 4 KB, and 200 bytes each, beyond their content', async (t) => {
  if (!requireTool(t, hasProgram('rsync'), 'rsync is needed')) return
  const cost = await scene(t, (root) => rsyncDaemon(t, root))
  for (const changes of [1, 1, 100]) {
    const bytes = await cost(changes)
    assert.ok(bytes <= 4096 + 200 * changes, `${changes}: ${bytes}`)
  }
})
