import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { Folder } from '../../../src/folder/folder.ts'
import { forget } from '../../../src/history/forget.ts'
import { prune } from '../../../src/history/prune.ts'
import { LocalPeer } from '../../../src/sync/local-peer.ts'
import type { Arrival, Peer, Want } from '../../../src/sync/peer.ts'
import { openCopy } from '../../../src/sync/link.ts'
import { localPeer } from '../../../src/sync/local-pair.ts'
import { meet } from '../../../src/sync/meet.ts'
import { pull } from '../../../src/sync/pull.ts'
import { synchronize } from '../../../src/sync/synchronize.ts'
import { mountMemory } from '../../suites/mount.ts'
import { copiesAt, syncCopies, type Copy } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

/** What lost data, or locked people out, in other programs; by the numbers it has there. */

async function copies(
  t: TestContext,
  names: readonly string[],
  history: 'kept' | 'none' = 'kept',
): Promise<Copy[]> {
  const place = temporaryDirectory(t)
  const all = await copiesAt(
    names.map((name) => `${place}/${name}`),
    history,
  )
  t.after(() => Promise.all(all.map((copy) => copy.close())))
  return all
}

function namesIn({ root }: Copy): string[] {
  return readdirSync(root).filter((name) => name !== '.tidemark')
}

/** The first of two as the second sees it, who does something when contents are asked for. */
function disturbed(one: Copy, two: Copy, disturb: () => void): Peer {
  const self = new LocalPeer(two.replica, { caller: () => peer })
  const peer = new LocalPeer(one.replica, { caller: () => self })
  const fetch = peer.fetch.bind(peer)
  let isDone = false
  peer.fetch = async function* (
    wants: AsyncIterable<readonly Want[]>,
    options,
  ): AsyncGenerator<readonly Arrival[]> {
    for await (const arrivals of fetch(wants, options)) {
      yield arrivals
      if (!isDone) disturb()
      isDone = true
    }
  }
  return peer
}

suite('what lost data elsewhere', () => {
  test('nextcloud/desktop#289, #4806, #5169: a folder that was emptied does not empty the others', async (t) => {
    const [one, two] = (await copies(t, ['one', 'two'])) as [Copy, Copy]
    for (let n = 0; n < 100; n++) writeFileSync(`${one.root}/f${n}`, `${n}`)
    await syncCopies(one, two)
    for (const name of namesIn(one)) rmSync(`${one.root}/${name}`)
    await assert.rejects(syncCopies(one, two), (error) => isTidemarkError(error, 'limit'))
    await assert.rejects(syncCopies(two, one), (error) => isTidemarkError(error, 'limit'))
    assert.equal(namesIn(two).length, 100)
    const { done } = await syncCopies(one, two, { guard: { maxVanishing: 1 } })
    assert.ok(done)
    assert.equal(namesIn(two).length, 0)
  })

  test('syncthing (.stfolder), unison (unmounted roots): an empty mount point is not an empty folder', async (t) => {
    const [one, two] = (await copies(t, ['one', 'two'])) as [Copy, Copy]
    for (let n = 0; n < 10; n++) writeFileSync(`${one.root}/f${n}`, `${n}`)
    await syncCopies(one, two)
    renameSync(one.root, `${one.root}-away`)
    mkdirSync(one.root)
    await assert.rejects(syncCopies(one, two), (error) => isTidemarkError(error, 'unavailable'))
    await assert.rejects(syncCopies(two, one), (error) => isTidemarkError(error, 'unavailable'))
    assert.equal(namesIn(two).length, 10)
    rmSync(one.root, { recursive: true })
    renameSync(`${one.root}-away`, one.root)
    assert.ok((await syncCopies(one, two)).done)
  })

  test('mutagen#171, #279, #88: a file that changes while it is sent comes later, and all others at once', async (t) => {
    const [one, two] = (await copies(t, ['one', 'two'], 'none')) as [Copy, Copy]
    for (let n = 0; n < 50; n++) writeFileSync(`${one.root}/f${n}`, randomBytes(1000))
    await one.replica.capture()
    writeFileSync(`${one.root}/f7`, 'changed before it was read')
    const theirs = await one.replica.snapshot((await one.replica.capture()).id)
    writeFileSync(`${one.root}/f7`, 'and again')
    const self = new LocalPeer(two.replica, { caller: () => peer })
    const peer = new LocalPeer(one.replica, { caller: () => self })
    const first = await pull(two.replica, peer, { theirs })
    assert.equal(first.head.id, theirs!.id)
    assert.deepEqual(
      first.problems.map(({ path, code }) => [path, code]),
      [['f7', 'missing']],
    )
    assert.equal(namesIn(two).length, 49)
    assert.ok((await syncCopies(one, two)).done)
    assert.equal(readFileSync(`${two.root}/f7`, 'utf8'), 'and again')
  })

  test('unison ("destination updated during synchronization"): what is written meanwhile is not overwritten', async (t) => {
    for (const history of ['kept', 'none'] as const) {
      const [one, two] = (await copies(t, ['one', 'two'], history)) as [Copy, Copy]
      writeFileSync(`${one.root}/page.txt`, 'first')
      await syncCopies(one, two)
      writeFileSync(`${one.root}/page.txt`, 'of the other side')
      const peer = disturbed(one, two, () => writeFileSync(`${two.root}/page.txt`, 'written meanwhile'))
      const { done } = await pull(two.replica, peer)
      assert.ok(done)
      assert.ok((await syncCopies(one, two)).done)
      const texts = namesIn(two).map((name) => readFileSync(`${two.root}/${name}`, 'utf8'))
      assert.deepEqual(texts.toSorted(), ['of the other side', 'written meanwhile'])
      assert.deepEqual(namesIn(one), namesIn(two))
    }
  })

  test('syncthing 2.0 (deletions are forgotten after 15 months): who was away brings nothing back', async (t) => {
    const [one, two, away] = (await copies(t, ['one', 'two', 'away'])) as [Copy, Copy, Copy]
    for (let n = 0; n < 20; n++) writeFileSync(`${one.root}/f${n}`, `${n}`)
    await syncCopies(one, two)
    await syncCopies(two, away)
    rmSync(`${one.root}/f1`)
    for (let n = 0; n < 5; n++) {
      writeFileSync(`${one.root}/f2`, `edit ${n}`)
      await syncCopies(one, two)
    }
    for (const { root, replica } of [one, two]) {
      const folder = await Folder.open(root)
      const repository = await folder.repository()
      await forget(repository, replica.folder, { last: 1 })
      await prune(repository)
      folder.close()
    }
    writeFileSync(`${away.root}/f3`, 'edited while away')
    const { done, pulled } = await syncCopies(away, two)
    assert.ok(done)
    assert.deepEqual(
      pulled.flatMap(({ conflicts }) => conflicts),
      [],
    )
    assert.ok((await syncCopies(one, two)).done)
    for (const { root } of [one, two, away]) {
      assert.equal(existsSync(`${root}/f1`), false)
      assert.equal(readFileSync(`${root}/f2`, 'utf8'), 'edit 4')
      assert.equal(readFileSync(`${root}/f3`, 'utf8'), 'edited while away')
    }
  })

  test('rclone PR#5164, #7471: after a full disk nothing has to be repaired by hand', async (t) => {
    const place = temporaryDirectory(t)
    mkdirSync(`${place}/small`)
    using small = mountMemory(t, `${place}/small`, { options: 'size=4m' })
    if (small === undefined) return
    const [one, two] = await copiesAt([`${place}/one`, `${small.path}/two`])
    for (let n = 0; n < 10; n++) writeFileSync(`${one!.root}/f${n}`, randomBytes(400_000))
    await assert.rejects(syncCopies(one!, two!), (error) => isTidemarkError(error, 'full'))
    for (const name of namesIn(two!))
      assert.deepEqual(readFileSync(`${two!.root}/${name}`), readFileSync(`${one!.root}/${name}`))
    for (let n = 2; n < 10; n++) rmSync(`${one!.root}/f${n}`)
    const { done } = await syncCopies(one!, two!)
    assert.ok(done)
    assert.deepEqual(namesIn(two!), ['f0', 'f1'])
    await one!.close()
    await two!.close()
  })

  for (const size of [4, 6, 24])
    test(`after a full disk of ${size} MiB, what was deleted since is neither fetched nor back`, async (t) => {
      const place = temporaryDirectory(t)
      mkdirSync(`${place}/small`)
      using small = mountMemory(t, `${place}/small`, { options: `size=${size}m` })
      if (small === undefined) return
      const roots = [`${place}/one`, `${small.path}/two`] as const
      mkdirSync(roots[0])
      for (let n = 0; n < 8; n++) mkdirSync(`${roots[0]}/${n}`)
      for (let n = 0; n < 40; n++) writeFileSync(`${roots[0]}/${n % 8}/f${n}`, randomBytes(size * 25_000))
      const sync = async (): Promise<boolean> => {
        const folders = await meet(...roots)
        await using one = new AsyncDisposableStack()
        const copies = []
        for (const folder of folders) {
          const copy = await openCopy(folder)
          one.defer(() => copy.close())
          copies.push(copy)
        }
        const guard = { maxVanishing: 1 }
        const [here, there] = copies
        const peer = localPeer(here!.replica, there!.replica, { guard })
        return (await synchronize(here!.replica, peer, { guard })).done
      }
      await assert.rejects(sync(), (error) => isTidemarkError(error, 'full'))
      for (let n = 2; n < 8; n++) rmSync(`${roots[0]}/${n}`, { recursive: true })
      assert.ok(await sync())
      for (const root of roots) assert.deepEqual(readdirSync(root).toSorted(), ['.tidemark', '0', '1'])
      assert.deepEqual(readdirSync(`${roots[1]}/1`).toSorted(), readdirSync(`${roots[0]}/1`).toSorted())
    })
})
