import assert from 'node:assert/strict'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Scene } from '../cli/tidemark.ts'

async function interrupt(child: ChildProcessWithoutNullStreams): Promise<number | null> {
  child.kill('SIGINT')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

test('an origin that serves itself, and a mirror that would ask it once an hour: changes arrive', async (t) => {
  const scene = new Scene(t)
  scene.write('origin/a', 'one')
  const publishing = scene.start(['publish', 'origin', '--listen', '0'])
  t.after(() => publishing.kill('SIGKILL'))
  let said = ''
  publishing.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()))
  const until = async (holds: () => boolean, what: string): Promise<void> => {
    for (let n = 0; n < 10_000 && !holds(); n++) await sleep(20)
    assert.ok(holds(), `${what}: ${said}`)
  }
  await until(() => /serving it at http:\S+/.test(said), 'serves')
  const [, url] = /serving it at (http:\S+)/.exec(said)!
  const mirroring = scene.start(['mirror', url!, 'mirror', '--watch', '--every', '1h'])
  t.after(() => mirroring.kill('SIGKILL'))
  mirroring.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()))
  const arrives = async (path: string, content: string | undefined): Promise<void> => {
    const copy = join(scene.directory, 'mirror', path)
    await until(() => (existsSync(copy) ? readFileSync(copy, 'utf8') : undefined) === content, path)
  }
  await arrives('a', 'one')
  scene.write('origin/b/c', 'two')
  await arrives('b/c', 'two')
  scene.write('origin/a', 'three')
  await arrives('a', 'three')
  rmSync(join(scene.directory, 'origin/b'), { recursive: true })
  await arrives('b/c', undefined)
  assert.deepEqual([await interrupt(mirroring), await interrupt(publishing)], [130, 130])
})
