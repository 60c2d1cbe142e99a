import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { initFolder } from '../../src/folder/folder.ts'
import { restore } from '../../src/history/restore.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import { idToHex, type Id } from '../../src/object/id.ts'
import { openBucket } from '../../src/store/open-bucket.ts'
import { Repository } from '../../src/store/repository/repository.ts'
import { seededRandom } from '../suites/random.ts'
import { readFolder } from '../suites/read-folder.ts'
import { temporaryDirectory } from '../suites/temporary-directory.ts'
import { killWhen, startVictim } from '../suites/victim.ts'
import { numberInWhole } from './writer-process.ts'

const rounds = Math.ceil(5 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))

/** Enough for threads to be started. */
const directories = 45
const filesEach = 40

/** Bytes that show whether they are whole, and of which time they are. Mostly small. */
function content(random: () => number, time: number): Uint8Array {
  const rest = Buffer.alloc(4 + Math.floor(random() ** 4 * 10_000), Math.floor(random() * 256))
  rest.writeUInt32BE(time)
  return Buffer.concat([hash('sha256', rest, 'buffer'), rest])
}

/** Writes the folder as it is at one time. */
function write(root: string, time: number, random: () => number): void {
  for (let n = 0; n < directories; n++) {
    const directory = join(root, `d${n}`)
    mkdirSync(directory, { recursive: true })
    for (let k = 0; k < filesEach; k++) writeFileSync(join(directory, `f${k}`), content(random, time))
  }
}

/** Starts a process that restores the snapshots in turn, and kills it at some moment, or just when it is half done. */
async function killRestore(
  place: string,
  target: string,
  ids: readonly Id[],
  random: () => number,
  moment: 'any' | 'half done',
): Promise<void> {
  const script = new URL('restoring-process.ts', import.meta.url)
  const { child, begun, ended } = startVictim(script, [place, target, ...ids.map(idToHex)])
  await begun
  if (moment === 'any') {
    await setTimeout(random() * 1000)
    child.kill('SIGKILL')
  } else {
    const isHalfDone = (): boolean => {
      const { times, unfinished } = look(target)
      return times.size > 1 && unfinished > 0
    }
    await killWhen(child, isHalfDone, () => random() * 100)
  }
  assert.equal(await ended, 'SIGKILL', 'it was running when it was killed')
}

interface Found {
  readonly times: Set<number>
  /** Files that are of no folder. */
  readonly unfinished: number
}

/** Checks that every path has its whole content of one time or the other. */
function look(target: string): Found {
  const times = new Set<number>()
  let unfinished = 0
  for (const directory of readdirSync(target)) {
    for (const name of readdirSync(join(target, directory))) {
      const path = join(target, directory, name)
      if (name.startsWith('.tidemark-')) unfinished++
      else {
        const time = numberInWhole(readFileSync(path))
        assert.ok(time !== undefined && lstatSync(path).isFile(), `${path} is whole`)
        times.add(time)
      }
    }
  }
  return { times, unfinished }
}

suite('restore, killed', () => {
  test('leaves each path with its whole old or its whole new content, and the next run ends the work', async (t) => {
    const parent = temporaryDirectory(t)
    const seed = Date.now() % 1_000_000
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    const place = join(parent, 'repository')
    const source = join(parent, 'source')
    mkdirSync(source)
    const folder = await initFolder(source, { repository: place })
    const ids: Id[] = []
    for (const time of [1, 2]) {
      write(source, time, random)
      ids.push((await takeSnapshot(folder)).id!)
    }
    folder.close()
    const repository = await Repository.open(await openBucket(place))
    t.after(() => repository.close())

    const target = join(parent, 'target')
    const { root } = await repository.snapshots.read(ids[0]!)
    await restore(repository, root, target)
    for (let round = 0; round < rounds; round++) {
      const moment = round % 2 === 0 ? 'half done' : 'any'
      await killRestore(place, target, round % 4 < 2 ? ids.toReversed() : ids, random, moment)
      look(target)
    }

    const last = await repository.snapshots.read(ids[1]!)
    const report = await restore(repository, last.root, target, { delete: true })
    assert.deepEqual(report.problems, [])
    const [restored, kept] = [readFolder(target), new Map(readFolder(source))]
    for (const path of kept.keys()) if (path.startsWith('.tidemark')) kept.delete(path)
    // The folder's own directory got its bookkeeping after the snapshot began.
    kept.set('', restored.get('')!)
    assert.deepEqual(restored, kept)
  })
})
