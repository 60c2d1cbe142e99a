import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { requireTool } from '../../require.ts'
import { Scene } from './tidemark.ts'

test('a name whose bytes are not UTF-8 is understood as the shell passes it, and as it is shown', async (t) => {
  if (!requireTool(t, existsSync('/proc/self/cmdline'), 'needs /proc')) return
  const scene = new Scene(t)
  const sh = async (script: string): Promise<string> => {
    const { code, stdout, stderr } = await scene.execute('/bin/sh', ['-c', script])
    assert.equal(code, 0, `${script}: ${stderr}`)
    return stdout
  }
  await scene.ok('init')
  writeFileSync(Buffer.concat([Buffer.from(`${scene.directory}/caf`), Buffer.of(0xe9)]), 'latin')
  await scene.ok('snapshot', '--tag', 'one')
  assert.match(await sh('tidemark history caf*'), /created .* caf\\xe9\n$/)
  assert.equal(await sh('tidemark cat latest:"$(printf \'caf\\351\')"'), 'latin')
  assert.equal(await sh('tidemark ls latest:"$(printf \'caf\\351\')"'), 'caf\\xe9\n')
  await sh('rm caf* && tidemark restore latest "$(printf \'caf\\351\')" --in-place && cat caf*')

  // Shown, it is found as well; also when it is on one side of a comparison only.
  assert.equal(await scene.ok('cat', 'latest:caf\\xe9'), 'latin')
  await sh('echo more | tee -a caf*')
  await scene.ok('snapshot')
  assert.equal(await scene.ok('diff', 'one:caf\\xe9'), 'M  caf\\xe9\n')
  assert.equal(await sh('tidemark diff one:"$(printf \'caf\\351\')"'), 'M  caf\\xe9\n')

  // A name that is written like an escape is the one that is meant, once it is there; both stay in reach.
  scene.write('caf\\xe9', 'backslash')
  await scene.ok('snapshot')
  assert.equal(await scene.ok('cat', 'latest:caf\\xe9'), 'backslash')
  assert.equal(await scene.ok('cat', 'latest:caf\\\\xe9'), 'backslash')
  assert.equal(await sh('tidemark cat latest:"$(printf \'caf\\351\')"'), 'latinmore\n')

  // What is no name has these bytes too.
  await sh('tidemark snapshot --always -m "$(printf \'\\351t\\351\')" && tidemark log')
})
