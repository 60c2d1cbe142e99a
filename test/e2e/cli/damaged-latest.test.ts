import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Scene, makeHistory } from './tidemark.ts'

interface Logged {
  readonly id: string
}

test('a damaged snapshot leaves no doubt that latest may mean another', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const [newest, older] = JSON.parse(await scene.ok('log', '--json')) as Logged[]
  const shelf = join(scene.directory, '.tidemark/repository/snapshots')
  const name = readdirSync(shelf, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith(newest!.id),
  )
  const file = join(shelf, name!)
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1]! ^= 0x10
  writeFileSync(file, bytes)

  const id = older!.id.slice(0, 12)
  for (const args of [
    ['ls', 'latest'],
    ['cat', 'latest:notes.txt'],
    ['ls', 'now'],
    ['diff', 'start'],
    ['diff', 'start', '--exit-code'],
    ['history', 'notes.txt', '--before', 'latest'],
    ['restore', 'latest', '--to', 'out'],
  ]) {
    const { code, stderr } = await scene.run(args)
    assert.equal(code, 3, args.join(' '))
    assert.match(stderr, new RegExp(`is taken to be ${id}, but a damaged snapshot may be the one`))
  }
  for (const args of [
    ['ls', id],
    ['ls', 'start'],
    ['restore', id, '--to', 'out'],
  ]) {
    const { code, stderr } = await scene.run(args)
    assert.equal(code, 0, args.join(' '))
    assert.doesNotMatch(stderr, /taken to be/)
  }
  assert.equal((await scene.run(['ls', `${id}~1`])).code, 4)
  const itself = await scene.run(['ls', newest!.id.slice(0, 12)])
  assert.equal(itself.code, 5)
  assert.match(itself.stderr, /is damaged \(see: tidemark verify\)/)
  // Nothing is forgotten that may not have been meant.
  assert.equal((await scene.run(['forget', 'latest'])).code, 5)
  assert.match((await scene.run(['log'])).stdout, new RegExp(id))
})
