import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Scene } from './tidemark.ts'

type Line = Record<string, unknown>

interface Watch {
  /** The next line of its answer. */
  next(): Promise<Line>
  /** The next line that is as it should be: what changes bit by bit may be recorded bit by bit. */
  until(holds: (line: Line) => boolean): Promise<void>
  /** Sends a signal and resolves with how it ended. */
  stop(signal: NodeJS.Signals): Promise<{ code: number | null; stderr: string }>
}

function startWatch(t: TestContext, scene: Scene, ...args: string[]): Watch {
  const child = scene.start(['watch', '--json', '--debounce', '100ms', ...args])
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let stderr = ''
  child.stderr.on('data', (piece) => (stderr += String(piece)))
  const closed = once(child, 'close') as Promise<[number | null]>
  const next = async (): Promise<Line> => {
    const line = await Promise.race([lines.next(), sleep(300_000, undefined, { ref: false })])
    assert.ok(line !== undefined && line.done !== true, `nothing came: ${stderr}`)
    return JSON.parse(line.value) as Line
  }
  return {
    next,
    async until(holds) {
      while (!holds(await next()));
    },
    async stop(signal) {
      child.kill(signal)
      const [code] = await closed
      return { code, stderr }
    },
  }
}

test('each change becomes a snapshot, until Ctrl-C', async (t) => {
  const scene = new Scene(t)
  scene.write('a', '1')
  await scene.ok('init')
  const watch = startWatch(t, scene)
  assert.equal((await watch.next())['files'], 1)
  scene.write('b', '2')
  await watch.until(({ files }) => files === 2)
  rmSync(join(scene.directory, 'a'))
  scene.write('new/directory/c', '3')
  await watch.until(({ files, directories }) => files === 2 && directories === 2)
  const { code, stderr } = await watch.stop('SIGINT')
  assert.deepEqual([code, stderr], [130, ''])
  assert.equal(await scene.ok('ls', '-R', 'latest'), 'b\nnew/\nnew/directory/\nnew/directory/c\n')
  assert.match(await scene.ok('verify', '--data'), /whole/)
})

test('a service manager stops it with SIGTERM', async (t) => {
  const scene = new Scene(t)
  await scene.ok('init')
  const watch = startWatch(t, scene)
  await watch.next()
  assert.equal((await watch.stop('SIGTERM')).code, 143)
})

test('the unit of a service names this folder', async (t) => {
  const scene = new Scene(t)
  await scene.ok('init')
  const unit = await scene.ok('watch', '--systemd', '--debounce', '5s')
  assert.ok(unit.includes(`"-C" "${scene.directory}" "watch" "--debounce" "5000ms"\n`), unit)
})
