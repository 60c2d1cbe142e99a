import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { requireTool } from '../../require.ts'

const module = JSON.stringify(new URL('../../../src/cli/output.ts', import.meta.url).href)
const text = 'x'.repeat(999)

/** Prints 2 MB: much by lines, then what is last. */
const program = `
  import(${module}).then(async ({ Output }) => {
    const out = Output.standard()
    await out.line(${JSON.stringify(text)})
    out.last(Buffer.alloc(2_000_000, 'y'))
    await out.end()
    process.exit(process.stdout.writableLength)
  })`
const expected = createHash('sha256')
  .update(`${text}\n${'y'.repeat(2_000_000)}`)
  .digest('hex')

/** Runs it through a shell, `$OUT` being the command. */
function through(pipeline: string): string {
  const env = { ...process.env, OUT: program, NODE: process.execPath }
  const { stdout, stderr, status } = spawnSync('bash', ['-c', `set -o pipefail; ${pipeline}`], { env })
  assert.equal(stderr.toString(), '')
  assert.equal(status, 0)
  return stdout.toString()
}

test('what is left at the end reaches a pipe and a file', () => {
  assert.ok(through('"$NODE" -e "$OUT" | (sleep 0.2; sha256sum)').startsWith(expected))
  assert.ok(through('f=$(mktemp); "$NODE" -e "$OUT" > $f; sha256sum < $f; rm $f').startsWith(expected))
})

test('what is left at the end reaches a pipe that takes no more for now', (t) => {
  if (!requireTool(t, spawnSync('python3', ['--version']).status === 0, 'needs python3')) return
  // Whoever else has the pipe has told it not to keep anyone waiting.
  const nonblocking = `python3 -c 'import os; os.set_blocking(1, False); os.execvp("bash", ["bash", "-c", "\\"$NODE\\" -e \\"$OUT\\""])'`
  assert.ok(through(`${nonblocking} | (sleep 0.3; sha256sum)`).startsWith(expected))
})

test('a reader that has gone is no failure of the system', async () => {
  const child = spawn(
    process.execPath,
    [
      '-e',
      program.replace(
        'await out.end()',
        "await out.end().catch((e) => process.exit(e.name === 'OutputClosed' ? 9 : 1))",
      ),
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  child.stdout.destroy()
  assert.deepEqual(await once(child, 'exit'), [9, null])
})
