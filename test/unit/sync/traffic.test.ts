import assert from 'node:assert/strict'
import { appendFileSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { randomBytes } from 'node:crypto'
import type { FolderSettings } from '../../../src/folder/settings.ts'
import { FolderReplica } from '../../../src/sync/folder-replica.ts'
import { introduce } from '../../../src/sync/introduce.ts'
import { copiesAt, reopened, type Copy } from '../../suites/synced-folders.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'
import { syncOverWire } from '../../suites/wired-copies.ts'

const directories = 20
const filesEach = 75

/** Files of a few kilobytes that cannot be compressed. */
function fill(root: string): void {
  for (let d = 0; d < directories; d++) {
    mkdirSync(`${root}/d${d}`)
    for (let n = 0; n < filesEach; n++) writeFileSync(`${root}/d${d}/f${n}`, randomBytes(4000))
  }
}

async function inStep(t: TestContext, history: FolderSettings['history'] = 'kept'): Promise<[Copy, Copy]> {
  const place = memoryDirectory(t)
  const copies = await copiesAt([`${place}/one`, `${place}/two`], history)
  t.after(() => Promise.all(copies.map((copy) => copy.close())))
  const [one, two] = copies as [Copy, Copy]
  fill(one.root)
  const { done, bytes } = await syncOverWire(t, one, two)
  assert.ok(done)
  const content = directories * filesEach * 4000
  assert.ok(bytes > content && bytes < 1.05 * content, `${bytes} for ${content}`)
  return [one, two]
}

suite('what goes over the wire', () => {
  test('is a message each way where nothing has changed', async (t) => {
    const [one, two] = await inStep(t)
    const { done, bytes } = await syncOverWire(t, one, two)
    assert.ok(done && bytes < 1500, `${bytes}`)
  })

  test('is the new chunk and a few nodes for one file of many', async (t) => {
    const [one, two] = await inStep(t)
    writeFileSync(`${one.root}/d7/f7`, randomBytes(5000))
    const { done, bytes } = await syncOverWire(t, one, two)
    assert.ok(done && bytes < 5000 + 20_000, `${bytes}`)
  })

  test('is the differences of files that were changed a little', async (t) => {
    const [one, two] = await inStep(t)
    for (let d = 0; d < directories; d++)
      for (let n = 0; n < filesEach; n += 5) appendFileSync(`${one.root}/d${d}/f${n}`, 'a line more\n')
    const changed = (directories * filesEach) / 5
    const { done, bytes } = await syncOverWire(t, one, two)
    assert.ok(done && bytes < changed * 300 + 20_000, `${bytes} for ${changed} files`)
  })

  test('is no content for what the other side has anywhere', async (t) => {
    const [one, two] = await inStep(t)
    renameSync(`${one.root}/d3`, `${one.root}/moved`)
    for (const name of readdirSync(`${one.root}/d4`))
      cpSync(`${one.root}/d4/${name}`, `${one.root}/copy of ${name}`)
    const first = await syncOverWire(t, one, two)
    assert.ok(first.done && first.bytes < 60_000, `${first.bytes}`)
    rmSync(`${one.root}/d5`, { recursive: true })
    assert.ok((await syncOverWire(t, one, two)).done)
    // From its own history.
    cpSync(`${two.root}/d6`, `${two.root}/d5`, { recursive: true })
    const second = await syncOverWire(t, one, two)
    assert.ok(second.done && second.bytes < 60_000, `${second.bytes}`)
  })

  test('is no content of what was moved, and little of what is here without a history', async (t) => {
    // What they have just taken in they know anyway.
    const [one, two] = await Promise.all((await inStep(t, 'none')).map((copy) => reopened(copy)))
    assert.ok(one !== undefined && two !== undefined)
    t.after(() => Promise.all([one.close(), two.close()]))
    for (let n = 0; n < 4; n++) renameSync(`${one.root}/d4/f${n}`, `${one.root}/d5/moved${n}`)
    const first = await syncOverWire(t, one, two)
    assert.ok(first.done && first.bytes < 14_000, `${first.bytes}`)
    renameSync(`${one.root}/d3`, `${one.root}/moved`)
    assert.ok((await syncOverWire(t, one, two)).bytes < 14_000)
    // So many that a search pays: at 16 bytes an entry.
    cpSync(`${one.root}/d6`, `${one.root}/copied`, { recursive: true })
    const second = await syncOverWire(t, one, two)
    assert.ok(second.done && second.bytes < 16 * 1600 + 40_000, `${second.bytes}`)
  })

  test('is a sketch where two have the same and have never met', async (t) => {
    const [one, two] = await inStep(t)
    for (const history of ['kept', 'none'] as const) {
      const place = memoryDirectory(t)
      cpSync(one.root, `${place}/stranger`, {
        recursive: true,
        preserveTimestamps: true,
        filter: (path) => !path.includes('.tidemark'),
      })
      writeFileSync(`${place}/stranger/d1/own`, 'of the stranger')
      const stranger = await introduced(one, `${place}/stranger`, history)
      t.after(() => stranger.close())
      const { done, bytes, pulled } = await syncOverWire(t, one, stranger)
      assert.ok(done)
      assert.deepEqual(
        pulled.flatMap(({ conflicts }) => conflicts),
        [],
      )
      assert.equal(readdirSync(`${one.root}/d1`).length, filesEach + 1)
      assert.ok(bytes < 90_000, `${bytes}`)
      rmSync(`${one.root}/d1/own`)
      assert.ok((await syncOverWire(t, one, stranger)).done)
    }
    assert.ok((await syncOverWire(t, one, two)).done)
  })
})

async function introduced(one: Copy, root: string, history: 'kept' | 'none'): Promise<Copy> {
  const folder = await introduce(root, one.replica.folder, { history })
  const replica = await FolderReplica.open(folder)
  return {
    root,
    replica,
    close: async () => {
      await replica.close()
      folder.close()
    },
  }
}
