import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Folder, initFolder } from '../../src/folder/folder.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import { idToHex, type Id } from '../../src/object/id.ts'
import { advanceTo, capture } from '../suites/advance-to.ts'
import { mountMemory } from '../suites/mount.ts'
import { plant } from '../suites/plant.ts'
import { seededRandom } from '../suites/random.ts'
import { temporaryDirectory } from '../suites/temporary-directory.ts'
import { killWhen, startVictim } from '../suites/victim.ts'
import { numberInWhole } from './writer-process.ts'

const rounds = Math.ceil(4 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))

/** Enough for threads to be started. */
const directories = 40
const filesEach = 45
/** Files of which each time has some at other paths than the other, with the same content. */
const wanderers = 30

function content(time: number, random: () => number): Uint8Array {
  const rest = Buffer.alloc(4 + Math.floor(random() ** 4 * 10_000), Math.floor(random() * 256))
  rest.writeUInt32BE(time)
  return Buffer.concat([hash('sha256', rest, 'buffer'), rest])
}

function write(root: string, time: number, random: () => number): void {
  for (let n = 0; n < directories; n++) {
    mkdirSync(join(root, `d${n}`), { recursive: true })
    for (let k = 0; k < filesEach; k++) writeFileSync(join(root, `d${n}/f${k}`), content(time, random))
  }
  if (time === 1) {
    mkdirSync(join(root, 'whole-1'))
    for (let n = 0; n < wanderers; n++) {
      writeFileSync(join(root, `whole-1/w${n}`), content(1000 + n, random))
      writeFileSync(join(root, `single-1-${n}`), content(2000 + n, random))
    }
  } else {
    renameSync(join(root, 'whole-1'), join(root, 'whole-2'))
    for (let n = 0; n < wanderers; n++)
      renameSync(join(root, `single-1-${n}`), join(root, `d${n % directories}/single-2-${n}`))
  }
}

/** The numbers in all files, each of which is whole. */
function look(root: string): number[] {
  const numbers: number[] = []
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (entry === '.tidemark' || entry.startsWith('.tidemark/')) continue
    const path = join(root, entry)
    // What is unfinished is of no folder.
    if (!entry.includes('.tidemark-') && statSync(path).isFile()) {
      const number = numberInWhole(readFileSync(path))
      assert.ok(number !== undefined, `${path} is whole`)
      numbers.push(number)
    }
  }
  return numbers
}

/** At any moment, or when some of the files are of one time and some of the other. */
type Moment = 'any' | 'half done'

async function killAdvance(
  root: string,
  ids: readonly Id[],
  moment: Moment,
  random: () => number,
): Promise<void> {
  const script = new URL('advancing-process.ts', import.meta.url)
  const { child, begun, ended } = startVictim(script, [root, ...ids.map(idToHex)])
  await begun
  if (moment === 'any') {
    await setTimeout(random() * 1000)
    child.kill('SIGKILL')
  } else
    await killWhen(
      child,
      () => timesIn(look(root)).size > 1,
      () => random() * 100,
    )
  assert.equal(await ended, 'SIGKILL', 'it was running when it was killed')
}

/** Of which times the files are that have not wandered. */
function timesIn(numbers: readonly number[]): Set<number> {
  return new Set(numbers.filter((number) => number < 1000))
}

suite('going on to another snapshot', () => {
  test('killed at any moment leaves every content, and what is remembered is what is there', async (t) => {
    const parent = temporaryDirectory(t)
    const seed = Date.now() % 1_000_000
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    const root = join(parent, 'folder')
    mkdirSync(root)
    let folder = await initFolder(root)
    const source = join(parent, 'source')
    mkdirSync(source)
    const other = await initFolder(source, { repository: folder.place })
    const ids: Id[] = []
    for (const time of [1, 2]) {
      write(source, time, random)
      ids.push((await takeSnapshot(other)).id!)
    }
    other.close()
    const first = (await (await folder.repository()).snapshots.read(ids[0]!)).root
    await advanceTo(folder, await capture(folder), async () => first)
    folder.close()

    let [mixed, between, arrived] = [0, 0, 0]
    for (let round = 0; round < rounds; round++) {
      const moment = round % 2 === 0 ? 'half done' : 'any'
      await killAdvance(root, round % 4 < 2 ? ids.toReversed() : ids, moment, random)
      const numbers = look(root)
      const times = timesIn(numbers)
      const wandering = new Set(numbers.filter((number) => number >= 1000))
      assert.equal(wandering.size, 2 * wanderers, 'every content is somewhere')
      folder = await Folder.open(root)
      const head = await capture(folder)
      const isOwn = head.snapshot.device === folder.settings.device
      if (times.size > 1) {
        mixed++
        assert.ok(isOwn, 'what is not done is not said to be')
      }
      if (isOwn) between++
      else arrived++
      folder.close()
      for (const end of ['', '-wal', '-shm']) rmSync(`${root}/.tidemark/state.sqlite${end}`, { force: true })
      folder = await Folder.open(root)
      const again = await takeSnapshot(folder)
      assert.deepEqual([again.id, again.parent], [undefined, head.id], 'what is remembered is what is there')
      folder.close()
    }
    t.diagnostic(`mixed ${mixed}, own ${between}, arrived ${arrived}`)
    assert.ok(mixed > 0, 'some kills hit it half done')
  })

  test('to more than the disk holds is refused, and what was done is an own snapshot', async (t) => {
    const path = temporaryDirectory(t)
    using disk = mountMemory(t, path, { options: 'size=8m' })
    if (disk === undefined) return
    const folder = await initFolder(path, { repository: temporaryDirectory(t) })
    t.after(() => folder.close())
    const start = await advanceTo(folder, await capture(folder), (store) =>
      plant(store, { a: 'one', z: 'two' }),
    )
    const large = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`f${n}`, Buffer.alloc(500_000, n)] as const),
    )
    await assert.rejects(
      advanceTo(folder, start.head, (store) => plant(store, { a: 'ONE', m: large, z: 'TWO' })),
      { code: 'full' },
    )
    assert.equal(readFileSync(join(path, 'a'), 'utf8'), 'one')
    const names = readdirSync(join(path, 'm'))
    for (const name of names) assert.equal(statSync(join(path, 'm', name)).size, 500_000, name)
    const { id, parent, snapshot } = await takeSnapshot(folder)
    assert.ok(id)
    assert.equal(parent, start.head.id)
    assert.equal(snapshot?.device, folder.settings.device)
    // With some room it goes on.
    rmSync(join(path, 'm'), { recursive: true })
    const next = await advanceTo(folder, await capture(folder), (store) =>
      plant(store, { a: 'ONE', m: { f0: large['f0']! }, z: 'TWO' }),
    )
    assert.equal(next.head.id, next.to.id)
  })
})
