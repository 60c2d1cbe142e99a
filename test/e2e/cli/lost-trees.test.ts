import assert from 'node:assert/strict'
import { readdirSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFolder } from '../../../src/folder/folder.ts'
import { folderStatus } from '../../../src/history/status.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { Scene, makeHistory } from './tidemark.ts'

test('trees that a repository has lost are damage, not something that was not found', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  rmSync(join(scene.directory, '.tidemark/repository/packs'), { recursive: true })
  scene.write('notes.txt', 'changed since\n')
  for (const args of [['status'], ['ls', 'latest'], ['diff', 'start'], ['find', 'notes.txt'], ['stats']]) {
    const { code, stderr } = await scene.run(args)
    assert.equal(code, 5, `${args.join(' ')}: ${stderr}`)
  }
  assert.match((await scene.run(['status'])).stderr, /see: tidemark verify/)
  const folder = await openFolder(scene.directory)
  t.after(() => folder.close())
  await assert.rejects(Array.fromAsync(folderStatus(folder)), (error) => isTidemarkError(error, 'corrupt'))
})

test('what only the index has lost is not given up: verify says who looks for it, and repair brings it back', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const shelf = join(scene.directory, '.tidemark/repository/index')
  const files = readdirSync(shelf, { recursive: true, encoding: 'utf8', withFileTypes: true })
  for (const file of files) if (file.isFile()) truncateSync(join(file.parentPath, file.name), 100)
  const { code, stdout, stderr } = await scene.run(['verify'])
  assert.equal(code, 5)
  assert.match(stdout + stderr, /may be in packs that the index does not tell of: repair looks there/)
  scene.write('notes.txt', 'changed since\n')
  const refused = await scene.run(['snapshot'])
  assert.equal(refused.code, 5)
  assert.match(refused.stderr, /repair makes it anew/)
  await scene.ok('repair')
  await scene.ok('verify', '--data')
})
