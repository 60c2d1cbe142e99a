import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
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
