import assert from 'node:assert/strict'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandTable } from '../../../src/cli/command-table.ts'
import { Scene, makeHistory } from './tidemark.ts'

/** Those that run until they are stopped. */
const endless = new Set([
  'tidemark watch',
  'tidemark sync . ../copy --watch',
  'printf "folders:\\n  - path: .\\n    peers: [../copy]\\n" > up.yaml && tidemark up --config up.yaml',
  'tidemark publish . --intervals 1h,1d,1M,Z',
  'tidemark publish . --listen 8080',
])

/** Those that need an origin of a mirror, or another machine: test/e2e/mirror, sync-ssh and up run the like. */
const elsewhere = /example\.org|\bmirror status\b|pair --listen/

for (const { name, load } of commandTable) {
  test(`the examples in the help of ${name} work`, async (t) => {
    const { command } = await load()
    const scene = new Scene(t)
    if (name === 'init') mkdirSync(join(scene.directory, 'photos'))
    else await makeHistory(scene)
    mkdirSync(join(scene.home, '.config/fish/completions'), { recursive: true })
    mkdirSync(join(scene.home, '.config/systemd/user'), { recursive: true })
    for (const [i, { command: line }] of command.examples.entries()) {
      if (elsewhere.test(line)) continue
      // Each in a copy of its own, so that none rests on another.
      const cwd = join(scene.home, `example-${i}`, 'folder')
      cpSync(scene.directory, cwd, { recursive: true })
      // What comes before the last command is not what goes on for ever.
      const endlessly = line.replace(/(?<=^|&& )(?=tidemark [^&]*$)/, 'timeout -s INT 2 ')
      const script = endless.has(line) ? `${endlessly}; [ $? = 124 ]` : line
      const { code, stderr } = await scene.execute('bash', ['-c', script], { cwd })
      assert.equal(code, 0, `example ${i + 1}: ${line}\n${stderr}`)
    }
  })
}
