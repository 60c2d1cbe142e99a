import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { idOf, idToHex } from '../../../src/object/id.ts'
import { requireTool } from '../../require.ts'
import { pattern } from '../../suites/bucket-suite.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { deviceId, folderId, headOf } from '../../suites/memory-peer.ts'

const run = promisify(execFile)
const client = join(import.meta.dirname, '../../golden/wire/client.py')
const serving = join(import.meta.dirname, 'serving-process.ts')

async function ask(id: string, like: string): Promise<Record<string, unknown>> {
  const { stdout } = await run('python3', [client, id, like, execPath, serving])
  return JSON.parse(stdout) as Record<string, unknown>
}

const [small, large, huge] = [20_000, 30_000, 1_000_000].map((size) => idToHex(idOf(pattern(size))))

test('a client written from the format alone is understood, and understands', async (t) => {
  if (!requireTool(t, hasProgram('python3'), 'python3 is not installed')) return
  const { welcome, ...told } = await ask(large!, small!)
  const { features, program, ...about } = welcome as Record<string, unknown>
  assert.deepEqual(about, { device: deviceId, host: 'far', folder: folderId, access: 1 })
  assert.ok((features as string[]).includes('zstd'))
  assert.match(program as string, /^tidemark\//)
  const fetched = [
    [2, large],
    [0, null],
    [1, small],
  ]
  const head = idToHex(headOf(7).id)
  const report = {
    counts: [3, 20_000, 0, 0, 0, 0, 1],
    problemCount: 5,
    problems: [
      ['failed', 'd/device', 'operation not permitted'],
      ['unreadable', 'secret', 'permission denied'],
    ],
  }
  const rest = { unknown: 'unsupported', again: 'usage', exit: 0 }
  assert.deepEqual(told, { head, poll: [0], fetched, ...report, ...rest })
})

test('it is given a chunk that is larger than its window', async (t) => {
  if (!requireTool(t, hasProgram('python3'), 'python3 is not installed')) return
  const { fetched } = await ask(huge!, small!)
  assert.deepEqual(fetched, [
    [1, huge],
    [0, null],
    [1, small],
  ])
})
