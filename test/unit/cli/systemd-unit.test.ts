import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemdUnit, upUnit } from '../../../src/cli/systemd-unit.ts'
import { requireTool } from '../../require.ts'

test('paths are quoted as systemd reads them', () => {
  const unit = systemdUnit('/home/ann/my "notes" 50%', ['/usr/bin/node', '/a b/$main\n', '-C', '/home/ann'])
  assert.match(unit, /^RequiresMountsFor="\/home\/ann\/my \\"notes\\" 50%%"$/m)
  assert.match(unit, /^ExecStart="\/usr\/bin\/node" "\/a b\/\$\$main\\x0a" "-C" "\/home\/ann"$/m)
  assert.match(unit, /^Description=Keep the history of \/home\/ann\/my "notes" 50%%$/m)
})

test('systemd takes the unit', (t) => {
  const found = spawnSync('systemd-analyze', ['--version']).status === 0
  if (!requireTool(t, found, 'needs systemd-analyze')) return
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-unit-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const env = { ...process.env, XDG_RUNTIME_DIR: directory }
  const watch = systemdUnit(`${directory}/a "b" 50% $c`, [process.execPath, 'x y', '-C', '/', 'watch'])
  const up = upUnit([process.execPath, 'x y', 'up', '--config', '/a "b" 50% $c\n'])
  for (const [name, unit] of Object.entries({ watch, up })) {
    const file = join(directory, `tidemark-${name}.service`)
    writeFileSync(file, unit)
    const args = ['verify', '--user', file]
    const { status, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8', env })
    assert.deepEqual([status, stderr], [0, ''], name)
  }
})
