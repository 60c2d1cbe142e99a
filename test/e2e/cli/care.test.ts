import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Scene, makeHistory } from './tidemark.ts'

function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

test('damage is found, said, and told by the exit code', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const repository = join(scene.directory, '.tidemark/repository')
  assert.match(await scene.ok('verify', '--data'), /2 snapshots.*whole/)
  for (const pack of files(join(repository, 'packs'))) {
    const bytes = readFileSync(pack)
    for (let i = 8; i < bytes.length / 2; i++) bytes[i]! ^= 0xff
    writeFileSync(pack, bytes)
  }
  const found = await scene.run(['verify', '--data'])
  assert.equal(found.code, 5)
  assert.match(
    found.stdout,
    /^damaged {2}[^]*lost in [0-9a-f]{12}: [^]*: damaged \(what can be done: tidemark repair --data\)/m,
  )
  const json = await scene.run(['verify', '--data', '--json'])
  assert.equal(json.code, 5)
  const report = JSON.parse(json.stdout) as { whole: boolean; findings: { harm: boolean }[] }
  assert.equal(report.whole, false)
  assert.ok(report.findings.some(({ harm }) => harm))
  // A damaged snapshot keeps nobody from the others.
  const [first] = files(join(repository, 'snapshots'))
  writeFileSync(first!, 'rubbish')
  const log = await scene.run(['log', '--json'])
  assert.deepEqual([log.code, (JSON.parse(log.stdout) as unknown[]).length], [5, 1])
  assert.match(
    (JSON.parse(log.stderr) as { warning: { message: string } }).warning.message,
    /is damaged and left out/,
  )
  // One that cannot even be opened is looked at all the same.
  rmSync(join(repository, 'config'))
  assert.equal((await scene.run(['verify'])).code, 5)
  assert.notEqual((await scene.run(['log'])).code, 0)
})

test('rules keep, names remove, and prune gives the space back', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  for (const text of ['3', '4', '5']) {
    scene.write('big.txt', text.repeat(100_000))
    await scene.ok('snapshot', '-m', text)
  }
  const log = async (): Promise<unknown[]> =>
    (JSON.parse(await scene.ok('log', '--json')) as { message: string }[]).map(({ message }) => message)
  const plan = await scene.ok('forget', '--keep-last', '1', '--keep-tag', 'start', '--dry-run')
  assert.match(plan, /^keep .*last snapshot\nkeep .*tag start\nforget .*4\nforget .*3\nforget .*go on$/m)
  assert.deepEqual(await log(), ['5', '4', '3', 'go on', 'begin'])
  await scene.ok('forget', '--keep-last', '1', '--keep-tag', 'start')
  assert.deepEqual(await log(), ['5', 'begin'])
  await scene.ok('forget', 'start')
  assert.deepEqual(await log(), ['5'])
  const { deleted } = JSON.parse(await scene.ok('prune', '--json')) as { deleted: number }
  assert.ok(deleted > 0)
  assert.match(await scene.ok('verify', '--data'), /whole/)
  assert.equal((await scene.run(['forget'])).code, 2)
  assert.equal((await scene.run(['forget', 'latest', '--keep-last', '1'])).code, 2)
  assert.equal((await scene.run(['forget', '--keep-within', 'soon'])).code, 2)
})
