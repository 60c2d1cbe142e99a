import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { requireTool } from '../../require.ts'
import type { Peer } from '../../../src/sync/peer.ts'
import { localPeer } from '../../../src/sync/local-pair.ts'
import { synchronize, type Synchronized } from '../../../src/sync/synchronize.ts'
import { asNobody, canChangeUser, nobody } from '../../suites/as-nobody.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { copiesAt, reopened, syncCopies, type Copy } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { syncOverWire } from '../../suites/wired-copies.ts'

/** In the end. */
function told({ pulled }: Synchronized): string[] {
  return (pulled.at(-1)?.problems ?? []).map(({ path, code }) => `${path} ${code}`)
}

function names({ root }: Copy): string[] {
  return readdirSync(root).filter((name) => name !== '.tidemark')
}

const stateFiles = ['state.sqlite', 'state.sqlite-wal', 'state.sqlite-shm']

function loseState({ root }: Copy): void {
  for (const name of stateFiles) rmSync(`${root}/.tidemark/${name}`, { force: true })
}

/** What a folder remembers, to be given back: as a kill leaves it that came before it was noted. */
function stateOf({ root }: Copy): () => void {
  const kept = stateFiles.flatMap((name) => {
    const path = `${root}/.tidemark/${name}`
    return existsSync(path) ? [[path, readFileSync(path)] as const] : []
  })
  return () => {
    loseState({ root } as Copy)
    for (const [path, bytes] of kept) writeFileSync(path, bytes)
  }
}

/** Two copies in step, of a user for whom modes count. */
async function copiesOfNobody(t: TestContext, history: 'kept' | 'none'): Promise<[Copy, Copy]> {
  const place = temporaryDirectory(t)
  chownSync(place, nobody, nobody)
  return asNobody(async () => {
    const [one, two] = (await copiesAt([`${place}/one`, `${place}/two`], history)) as [Copy, Copy]
    mkdirSync(`${one.root}/d`)
    for (const name of ['edited', 'deleted', 'd/old']) writeFileSync(`${one.root}/${name}`, `first ${name}`)
    await syncCopies(one, two)
    return [one, two]
  })
}

suite('what the system refuses to make', () => {
  for (const history of ['kept', 'none'] as const) {
    test(`stays with the others, and keeps nothing else from being in step (history ${history})`, async (t) => {
      if (!canChangeUser(t)) return
      if (!requireTool(t, hasProgram('mknod'), 'mknod makes a device')) return
      let [one, two] = await copiesOfNobody(t, history)
      execFileSync('mknod', [`${one.root}/device`, 'c', '1', '3'])
      await asNobody(async () => {
        writeFileSync(`${one.root}/new`, 'first new')
        two = await reopened(two)
        const giveBack = stateOf(two)
        const first = await syncCopies(two, one)
        assert.equal(first.mine.id, first.theirs.id)
        assert.ok(told(first).includes('device failed'), String(told(first)))
        assert.deepEqual(names(two).toSorted(), ['d', 'deleted', 'edited', 'new'])

        two = await reopened(two, giveBack)
        const again = await syncCopies(two, one)
        assert.equal(again.mine.id, first.mine.id)

        // What is done after it comes after it: no conflict, and nothing comes back.
        writeFileSync(`${two.root}/new`, 'second new')
        rmSync(`${two.root}/deleted`)
        const second = await syncCopies(two, one)
        assert.equal(second.mine.id, second.theirs.id)
        assert.deepEqual(told(second), ['device failed'])
        assert.deepEqual(names(one).toSorted(), ['d', 'device', 'edited', 'new'])
        assert.equal(readFileSync(`${one.root}/new`, 'utf8'), 'second new')
        assert.deepEqual(names(two).toSorted(), ['d', 'edited', 'new'])

        // Told as long as it is so; nothing else moves.
        two = await reopened(two, () => loseState(two))
        const third = await syncCopies(one, two)
        assert.deepEqual([third.mine.id, third.theirs.id], [second.mine.id, second.theirs.id])
      })
      rmSync(`${one.root}/device`)
      execFileSync('mknod', [`${one.root}/device`, 'c', '1', '5'])
      await asNobody(async () => {
        const other = await syncCopies(two, one)
        assert.equal(other.mine.id, other.theirs.id)
        assert.deepEqual(told(other), ['device failed'])
        rmSync(`${one.root}/device`)
        const last = await syncCopies(two, one)
        assert.equal(last.mine.id, last.theirs.id)
        assert.deepEqual(told(last), [])
        assert.deepEqual(told(await syncCopies(two, one)), [])
        await one.close()
        await two.close()
      })
    })

    test(`is made as soon as it can be (history ${history})`, async (t) => {
      if (!canChangeUser(t)) return
      let [one, two] = await copiesOfNobody(t, history)
      chownSync(`${two.root}/d`, 0, 0)
      await asNobody(async () => {
        mkdirSync(`${one.root}/d/new`)
        writeFileSync(`${one.root}/d/new/a`, 'in a new directory')
        writeFileSync(`${one.root}/d/b`, 'b')
        const first = await syncCopies(two, one)
        assert.equal(first.mine.id, first.theirs.id)
        writeFileSync(`${one.root}/d/new/a`, 'edited meanwhile')
        writeFileSync(`${one.root}/d/new/c`, 'added meanwhile')
        rmSync(`${one.root}/d/b`)
        const second = await syncCopies(two, one)
        assert.equal(second.mine.id, second.theirs.id)
        assert.deepEqual(readdirSync(`${two.root}/d`), ['old'])
        assert.deepEqual(readdirSync(`${one.root}/d/new`), ['a', 'c'])
      })
      // Who deletes the directory deletes what he sees.
      rmSync(`${two.root}/d`, { recursive: true })
      await asNobody(async () => {
        assert.ok((await syncCopies(two, one)).done)
        assert.deepEqual(readdirSync(`${one.root}/d`), ['new'])
        assert.deepEqual(readdirSync(`${two.root}/d`), [])
      })
      await asNobody(async () => {
        two = await reopened(two)
        // By whom it is asked makes no difference.
        assert.ok((await syncCopies(one, two)).done)
        assert.equal(readFileSync(`${two.root}/d/new/a`, 'utf8'), 'edited meanwhile')
        assert.equal(readFileSync(`${two.root}/d/new/c`, 'utf8'), 'added meanwhile')
        assert.equal(existsSync(`${two.root}/d/b`), false)
        const last = await syncCopies(two, one)
        assert.deepEqual(told(last), [])
        // From then on it is like others.
        rmSync(`${two.root}/d/new/a`)
        await syncCopies(two, one)
        assert.deepEqual(readdirSync(`${one.root}/d/new`), ['c'])
        await one.close()
        await two.close()
      })
    })
  }
})

suite('a content that nobody has any more', () => {
  test('keeps nothing else from being in step', async (t) => {
    const place = temporaryDirectory(t)
    const [one, two] = (await copiesAt([`${place}/one`, `${place}/two`])) as [Copy, Copy]
    writeFileSync(`${one.root}/lost`, 'a content that is lost')
    writeFileSync(`${one.root}/a`, 'first')
    const peer = localPeer(two.replica, one.replica)
    const lossy: Peer = {
      name: peer.name,
      device: peer.device,
      head: (options) => peer.head(options),
      bases: (...all) => peer.bases(...all),
      offer: (...all) => peer.offer(...all),
      async *fetch(wants, options) {
        for await (const batch of peer.fetch(wants, options))
          yield batch.map(({ id, bytes }) => {
            const isLost = Buffer.from(bytes ?? []).toString() === 'a content that is lost'
            return { id, bytes: isLost ? undefined : bytes }
          })
      },
    }
    const first = await synchronize(two.replica, lossy)
    assert.equal(first.mine.id, first.theirs.id)
    assert.deepEqual(told(first), ['lost missing'])
    writeFileSync(`${two.root}/a`, 'second')
    const second = await synchronize(two.replica, lossy)
    assert.equal(second.mine.id, second.theirs.id)
    assert.deepEqual(names(one), ['a', 'lost'])
    assert.deepEqual(names(two), ['a'])
    assert.equal(readFileSync(`${one.root}/a`, 'utf8'), 'second')
    await one.close()
    await two.close()
  })
})

function paths({ problems, there }: Synchronized): string[][] {
  return [problems, there!.problems].map((all) => all.map(({ path }) => path).toSorted())
}

function contents(copy: Copy): string[] {
  const files = names(copy).filter((name) => name !== 'd')
  return files.map((name) => readFileSync(`${copy.root}/${name}`, 'utf8')).toSorted()
}

suite('what could not be read', () => {
  test('is neither replaced nor deleted, whatever others have done', async (t) => {
    if (!canChangeUser(t)) return
    const [one, two] = await copiesOfNobody(t, 'kept')
    await asNobody(async () => {
      for (const name of ['edited', 'deleted', 'd/old']) {
        writeFileSync(`${one.root}/${name}`, `mine ${name}`)
        chmodSync(`${one.root}/${name}`, 0)
      }
      writeFileSync(`${two.root}/edited`, 'theirs')
      rmSync(`${two.root}/deleted`)
      rmSync(`${two.root}/d`, { recursive: true })
      for (let times = 0; times < 3; times++) {
        const [here] = paths(await (times === 1 ? syncCopies(two, one) : syncCopies(one, two)))
        if (times !== 1)
          assert.deepEqual(
            here!.filter((path) => path === 'edited'),
            ['edited'],
          )
      }
      for (const name of ['edited', 'deleted', 'd/old']) {
        chmodSync(`${one.root}/${name}`, 0o644)
        assert.equal(readFileSync(`${one.root}/${name}`, 'utf8'), `mine ${name}`)
      }
      const last = await syncCopies(one, two)
      assert.equal(last.mine.id, last.theirs.id)
      assert.deepEqual(contents(one), ['mine deleted', 'mine edited', 'theirs'])
      assert.deepEqual(contents(two), contents(one))
      assert.equal(readFileSync(`${two.root}/d/old`, 'utf8'), 'mine d/old')
      await one.close()
      await two.close()
    })
  })

  for (const way of ['here', 'there', 'over the wire, here', 'over the wire, there']) {
    test(`is told by both sides, and comes as soon as it can be read (${way})`, async (t) => {
      if (!canChangeUser(t)) return
      let [one, two] = await copiesOfNobody(t, 'kept')
      const sync = (): Promise<Synchronized> => {
        const [from, to] = way.endsWith('here') ? [one, two] : [two, one]
        return way.startsWith('over') ? syncOverWire(t, from, to) : syncCopies(from, to)
      }
      await asNobody(async () => {
        mkdirSync(`${one.root}/closed`)
        writeFileSync(`${one.root}/closed/a`, 'a')
        writeFileSync(`${one.root}/secret`, 'secret')
        for (const name of ['closed', 'secret']) chmodSync(`${one.root}/${name}`, 0)
        const both = ['closed', 'secret']
        const first = await sync()
        assert.equal(first.mine.id, first.theirs.id)
        assert.deepEqual(paths(first), [both, both])
        ;[one, two] = [await reopened(one), await reopened(two)]
        assert.deepEqual(paths(await sync()), [both, both])
        assert.deepEqual(names(two), ['d', 'deleted', 'edited'])
        chmodSync(`${one.root}/closed`, 0o755)
        chmodSync(`${one.root}/secret`, 0o644)
        assert.deepEqual(paths(await sync()), [[], []])
        assert.equal(readFileSync(`${two.root}/closed/a`, 'utf8'), 'a')
        assert.equal(readFileSync(`${two.root}/secret`, 'utf8'), 'secret')
        const last = await sync()
        assert.deepEqual([last.mine.id, paths(last)], [last.theirs.id, [[], []]])
        await one.close()
        await two.close()
      })
    })
  }
})
