import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isTemporaryName } from '../../../src/folder/apply/temporary-name.ts'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { parseRecentfile, type RecentEvent } from '../../../src/recent/index.ts'
import { requireTool } from '../../require.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { rsyncDaemon } from '../../suites/rsync-daemon.ts'
import { staticServer } from '../../suites/static-server.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'
import { contentsOf, TestOrigin } from '../../suites/test-origin.ts'

const kills = 8 * Number(process.env['TIDEMARK_FUZZ'] ?? 1)

/** A content that tells whether it is whole. */
function content(version: number, size: number): string {
  const line = `version ${version} of ${size}\n`
  return line.repeat(size)
}

/** What must hold of a mirror at any moment, whoever looks, and whatever killed it; nothing lies about once it is done. */
function guard(root: string, isDone: boolean): void {
  const newest = new Map<string, RecentEvent>()
  for (const name of readdirSync(root)) {
    if (!/^RECENT-.*\.yaml$/.test(name)) continue
    for (const event of parseRecentfile(readFileSync(join(root, name))).events) {
      const known = newest.get(event.path)
      if (known === undefined || Number(known.epoch) < Number(event.epoch)) newest.set(event.path, event)
    }
  }
  for (const { path, type, detail } of newest.values()) {
    if (type === 'new')
      assert.ok(existsSync(join(root, path)), `${path} is listed, and not there (${detail})`)
  }
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || path.includes('/.tidemark/') || entry.name.startsWith('RECENT')) continue
    if (isTemporaryName(entry.name) && !isDone) continue
    assert.ok(!entry.name.startsWith('.'), `${path} is left over`)
    const text = readFileSync(path, 'latin1')
    const size = Number(/^version \d+ of (\d+)\n/.exec(text)?.[1])
    assert.equal(text.split('\n').length - 1, size, `${path} is not whole`)
    assert.equal(new Set(text.split('\n')).size, 2, `${path} is of two versions`)
  }
}

for (const way of ['HTTP', 'rsync']) {
  test(`a mirror over ${way} that is killed again and again is right at every moment`, async (t) => {
    if (!requireTool(t, way === 'HTTP' || hasProgram('rsync'), 'rsync is needed')) return
    const directory = memoryDirectory(t)
    const origin = new TestOrigin(join(directory, 'origin'), { head: true })
    const root = join(directory, 'mirror')
    const source =
      way === 'HTTP' ? (await staticServer(t, origin.root)).url : await rsyncDaemon(t, origin.root)
    let version = 0
    const change = (files: number): void => {
      for (let i = 0; i < files; i++) {
        version++
        const path = `dir-${version % 7}/file-${version % 53}`
        if (version % 11 === 0) origin.delete(path)
        else origin.write(path, content(version, 1 + ((version * 97) % 2000)))
      }
      origin.wait(1)
      if (version % 5 === 0) origin.aggregate()
      else origin.flush()
    }
    change(60)
    for (let kill = 0; kill < kills; kill++) {
      const script = join(import.meta.dirname, 'mirroring-process.ts')
      const child = spawn(process.execPath, [script, source, root], { stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = once(child, 'exit')
      // At once, while it starts, while it works, when it has been complete before.
      const until = 150 + ((kill * 7919) % 900)
      for (let waited = 0; waited < until; waited += 60) {
        change(1 + (kill % 13))
        await sleep(60)
      }
      child.kill('SIGKILL')
      await ended
      if (existsSync(root)) guard(root, false)
    }
    const mirror = new Mirror({
      source: parseLocation(source, '/'),
      directory: root,
      signal: new AbortController().signal,
    })
    t.after(() => mirror.close())
    for (let looks = 0; looks < 3; looks++) {
      for (const { path } of mirror.state.work.asides(1000)) mirror.state.work.retry(path)
      await mirror.catchUp()
    }
    guard(root, true)
    assert.deepEqual(contentsOf(root), contentsOf(origin.root))
    assert.deepEqual(
      readdirSync(join(root, '.tidemark/incoming')).filter((name) =>
        lstatSync(join(root, '.tidemark/incoming', name)).isFile(),
      ),
      [],
    )
  })
}

test('what a killed mirror left beside the place of a file goes when the next one begins', async (t) => {
  const directory = memoryDirectory(t)
  const origin = new TestOrigin(join(directory, 'origin'), { head: true })
  const root = join(directory, 'mirror')
  const follow = (): Mirror => {
    const source = parseLocation(origin.root, '/')
    const mirror = new Mirror({ source, directory: root, signal: new AbortController().signal })
    t.after(() => mirror.close())
    return mirror
  }
  origin.write('dir/good', 'good')
  origin.write('dir/bad', 'bad')
  origin.flush()
  rmSync(join(origin.root, 'dir/bad'))
  const mirror = follow()
  assert.equal((await mirror.catchUp()).waiting, 1)
  await mirror.close()
  const from = import.meta.resolve('../../../src/folder/apply/temporary-name.ts')
  const script = `const { temporaryNames } = await import('${from}'); process.stdout.write(temporaryNames()())`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.ok(isTemporaryName(stdout))
  writeFileSync(join(root, 'dir', stdout), 'half of bad')
  follow()
  assert.deepEqual(readdirSync(join(root, 'dir')), ['good'])
})
