import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { initFolder } from '../../src/folder/folder.ts'
import { diffTrees } from '../../src/history/diff.ts'
import { restore } from '../../src/history/restore.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import { verify } from '../../src/history/verify.ts'
import { memoryDirectory } from '../suites/temporary-directory.ts'

const entries = Math.ceil(100_000 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))

test(`a directory of ${entries} entries: what changes is what costs`, async (t) => {
  const parent = memoryDirectory(t)
  const root = `${parent}/folder`
  mkdirSync(root)
  const folder = await initFolder(root, { repository: `${parent}/repository` })
  t.after(() => folder.close())
  for (let n = 0; n < entries; n++) writeFileSync(`${root}/${n}`, `${n}`)
  await setTimeout(100)
  const first = await takeSnapshot(folder)
  assert.deepEqual([first.files, first.problems], [entries, []])

  const changed = `${Math.floor(entries / 2)}`
  writeFileSync(`${root}/${changed}`, 'another content')
  rmSync(`${root}/7`)
  writeFileSync(`${root}/in the middle`, 'new')
  await setTimeout(100)
  const second = await takeSnapshot(folder)
  assert.equal(second.read, 'another content'.length + 'new'.length)
  assert.ok(second.stored < 65_536, `${second.stored} bytes stored`)

  const repository = await folder.repository()
  const changes = await Array.fromAsync(diffTrees(repository, first.snapshot!.root, second.snapshot!.root))
  const told = changes.filter(({ path }) => path !== '').map(({ path, kind }) => `${kind} ${path}`)
  assert.deepEqual(
    told.toSorted((a, b) => (a < b ? -1 : 1)),
    ['added in the middle', `changed ${changed}`, 'removed 7'],
  )

  await restore(repository, first.snapshot!.root, `${parent}/one`, { paths: [changed] })
  assert.equal(readFileSync(`${parent}/one/${changed}`, 'latin1'), changed)
  const report = await restore(repository, second.snapshot!.root, `${parent}/all`)
  assert.deepEqual([report.files, report.problems], [entries, []])
  assert.equal(readFileSync(`${parent}/all/${changed}`, 'latin1'), 'another content')
  assert.deepEqual((await verify(repository.bucket, { data: true })).findings, [])
})
