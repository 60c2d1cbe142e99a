import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import type { MirrorEvent, MirrorOptions } from '../../../src/mirror/follow/mirror-options.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { requireTool } from '../../require.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { nginx } from '../../suites/nginx.ts'
import { rsyncDaemon } from '../../suites/rsync-daemon.ts'
import { staticServer } from '../../suites/static-server.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { treeServer } from '../../suites/tree-server.ts'
import { contentsOf, TestOrigin, type OriginKind } from '../../suites/test-origin.ts'

type Serve = (t: TestContext, root: string) => string | Promise<string>

const ways: Readonly<Record<string, Serve>> = {
  'a directory': (_t, root) => root,
  'a static server': async (t, root) => (await staticServer(t, root)).url,
  'our own server': treeServer,
  nginx,
  'an rsync daemon': rsyncDaemon,
}

const tools: Readonly<Record<string, string>> = { nginx: 'nginx', 'an rsync daemon': 'rsync' }

const kinds: Readonly<Record<string, OriginKind>> = {
  'our origin': { head: true },
  'a signed origin': { head: true, signed: true },
  'an origin of the Perl program': { details: false },
  'the same with JSON': { details: false, suffix: '.json' },
}

async function follow(
  t: TestContext,
  source: string,
  directory: string,
  options: Partial<MirrorOptions> = {},
): Promise<{ mirror: Mirror; events: MirrorEvent[] }> {
  const events: MirrorEvent[] = []
  const mirror = new Mirror({
    source: parseLocation(source, '/'),
    directory,
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
    ...options,
  })
  t.after(() => mirror.close())
  return { mirror, events }
}

for (const [way, serve] of Object.entries(ways)) {
  for (const [what, kind] of Object.entries(kinds)) {
    test(`a mirror over ${way} of ${what} is what the origin is`, async (t) => {
      const tool = tools[way]
      if (tool !== undefined && !requireTool(t, hasProgram(tool), `${tool} is needed`)) return
      const directory = temporaryDirectory(t)
      const origin = new TestOrigin(join(directory, 'origin'), kind)
      const exact = kind.details !== false
      const target = join(directory, 'mirror')
      origin.write('a', 'one')
      origin.write('dir/b', 'two', 0o640)
      origin.write('dir/empty file', '')
      if (exact) origin.link('dir/link', '../a')
      if (exact) origin.makeDirectory('nothing/in it')
      origin.flush()
      const { mirror, events } = await follow(t, await serve(t, origin.root), target)
      const compare = (): void => {
        const problems = events.filter(({ kind }) => kind === 'aside' || kind === 'refused')
        assert.deepEqual(problems, [])
        assert.deepEqual(
          contentsOf(target, { exact, indexes: true }),
          contentsOf(origin.root, { exact, indexes: true }),
        )
      }
      await mirror.catchUp()
      compare()
      assert.equal((await mirror.catchUp()).unchanged, true)
      origin.wait(3)
      origin.write('a', 'one, longer now')
      origin.write('deeper/and/deeper', 'x'.repeat(100_000))
      origin.delete('dir/b')
      origin.move('dir/empty file', 'dir/moved')
      origin.flush()
      await mirror.catchUp()
      compare()
      for (let i = 0; i < 12; i++) {
        origin.wait(4)
        origin.write(`many/${i}`, `content ${i}`)
        if (i % 3 === 0) origin.delete(`many/${i - 1}`)
        origin.aggregate()
        if (i % 4 === 1) await mirror.catchUp()
      }
      await mirror.catchUp()
      compare()
      origin.dirty('from/the/past', 'dirty', 500)
      await mirror.catchUp()
      compare()
      assert.equal((await mirror.catchUp()).unchanged, true)
    })
  }
}
