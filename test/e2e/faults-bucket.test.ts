import assert from 'node:assert/strict'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { isTidemarkError, type ErrorCode } from '../../src/errors.ts'
import { Folder, initFolder } from '../../src/folder/folder.ts'
import { forgetSnapshots } from '../../src/history/forget.ts'
import { prune } from '../../src/history/prune.ts'
import { restore } from '../../src/history/restore.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import { verify } from '../../src/history/verify.ts'
import type { Id } from '../../src/object/id.ts'
import type { Bucket } from '../../src/store/bucket.ts'
import { MemoryBucket } from '../../src/store/memory-bucket.ts'
import { Repository } from '../../src/store/repository/repository.ts'
import { TimeoutBucket } from '../../src/store/timeout-bucket.ts'
import { faultsAt, FaultyBucket, seededFaults, type Done, type Fault } from '../suites/faulty-bucket.ts'
import { HurriedTime } from '../suites/hurried-time.ts'
import { seededRandom } from '../suites/random.ts'
import { readFolder, type Described } from '../suites/read-folder.ts'
import { memoryDirectory } from '../suites/temporary-directory.ts'

const effort = Number(process.env['TIDEMARK_FUZZ'] ?? 1)
const randomRuns = Math.ceil(8 * effort)
/** How many kinds of fault each operation meets, in turn; all of them when there is more time. */
const kindsEach = effort > 1 ? Infinity : 2

const faults: readonly Fault[] = [
  ...(['unavailable', 'full', 'denied', 'failed', 'missing', 'corrupt'] as ErrorCode[]).map(
    (code): Fault => ({ kind: 'before', code }),
  ),
  { kind: 'after' },
  { kind: 'hang' },
  { kind: 'hang', forever: true },
  { kind: 'cut' },
  { kind: 'lie' },
  { kind: 'forget' },
]

/** Longer than any of this takes: whatever is still at work then hangs. */
const patience = 300_000

function describe(root: string): Described {
  const described = new Map(readFolder(root))
  for (const path of described.keys()) if (/^\.tidemark(?:\/|$)/.test(path)) described.delete(path)
  return described
}

/** A folder with some snapshots, and a bucket whose state can be brought back. */
class Scene {
  readonly parent: string
  readonly root: string
  readonly target: string
  /** What each snapshot must restore to. */
  readonly kept = new Map<Id, Described>()
  readonly #saved = new MemoryBucket()

  private constructor(parent: string) {
    this.parent = parent
    this.root = `${parent}/folder`
    this.target = `${parent}/target`
  }

  static async make(t: TestContext): Promise<Scene> {
    const scene = new Scene(memoryDirectory(t))
    const { root } = scene
    mkdirSync(`${root}/sub/empty`, { recursive: true })
    ;(await initFolder(root)).close()
    // The repository is elsewhere: in memory.
    rmSync(`${root}/.tidemark/repository`, { recursive: true })
    await Repository.create(scene.#saved)
    const random = seededRandom(1)
    for (let n = 0; n < 4; n++) {
      const noise = Buffer.from(Array.from({ length: 200_000 }, () => Math.floor(random() * 256)))
      writeFileSync(`${root}/noise`, noise)
      writeFileSync(`${root}/sub/text`, `version ${n} `.repeat(1000 * (n + 1)))
      writeFileSync(`${root}/sub/new-${n}`, `${n}`)
      await setTimeout(25)
      const folder = await scene.open(scene.#saved)
      const { id } = await takeSnapshot(folder)
      scene.kept.set(id!, describe(root))
      folder.close()
    }
    // So that there is something to prune: the first one goes.
    const [first] = scene.kept.keys()
    const repository = await Repository.open(scene.#saved)
    await forgetSnapshots(repository, [first!])
    repository.close()
    scene.kept.delete(first!)
    writeFileSync(`${root}/sub/text`, 'the version that no snapshot has yet '.repeat(2000))
    writeFileSync(`${root}/more`, 'and more')
    cpSync(`${root}/.tidemark`, `${scene.parent}/own`, { recursive: true })
    return scene
  }

  open(bucket: Bucket): Promise<Folder> {
    return Folder.open(this.root, () => Promise.resolve(bucket))
  }

  /** A bucket that holds what it held in the beginning; the folder remembers what it remembered then. */
  async begin(): Promise<MemoryBucket> {
    rmSync(`${this.root}/.tidemark`, { recursive: true })
    cpSync(`${this.parent}/own`, `${this.root}/.tidemark`, { recursive: true })
    const bucket = new MemoryBucket()
    for await (const { name } of this.#saved.list('')) await bucket.put(name, await this.#saved.get(name))
    return bucket
  }

  /** Each path holds its whole content of some snapshot. */
  checkTarget(): void {
    const contents = new Set(this.kept.values().flatMap((described) => described.values().map(contentOf)))
    for (const [path, what] of describe(this.target)) {
      // Unfinished files have names of their own.
      if (!path.includes('.tidemark-')) assert.ok(contents.has(contentOf(what)), path)
    }
  }
}

/** Without metadata, which may be that of the moment. */
function contentOf(described: string): string {
  return `${described.split(' | ')[0]} ${described.split(' | ').slice(6).join()}`
}

interface Work {
  readonly name: string
  /** Whether it writes to the bucket. */
  readonly writes: boolean
  /** Resolves with the snapshot it took, if it took one. */
  readonly run: (scene: Scene, bucket: Bucket) => Promise<Id | undefined>
  /**
   * Nothing can save what is deleted on the word of a listing that left out names, or after a copy that was
   * confirmed and never made.
   */
  readonly excuses?: (done: Done) => boolean
}

const works: readonly Work[] = [
  {
    name: 'snapshot',
    writes: true,
    async run(scene, bucket) {
      const folder = await scene.open(bucket)
      try {
        return (await takeSnapshot(folder)).id
      } finally {
        folder.close()
      }
    },
  },
  {
    name: 'restore',
    writes: false,
    async run(scene, bucket) {
      const repository = await Repository.open(bucket)
      try {
        const { root } = await repository.snapshots.read([...scene.kept.keys()].at(-1)!)
        await restore(repository, root, scene.target, { delete: true })
        return undefined
      } finally {
        repository.close()
      }
    },
  },
  {
    name: 'verify',
    writes: false,
    async run(_scene, bucket) {
      await verify(bucket, { data: true })
      return undefined
    },
  },
  {
    name: 'prune',
    writes: true,
    async run(_scene, bucket) {
      const repository = await Repository.open(bucket)
      try {
        await prune(repository, { deadShare: 0 })
        return undefined
      } finally {
        repository.close()
      }
    },
    excuses: ({ fault, method }) => fault === 'forget' || (fault === 'lie' && method === 'list'),
  },
]

async function bounded<T>(work: Promise<T>): Promise<T> {
  const stop = new AbortController()
  const late = setTimeout(patience, undefined, { signal: stop.signal }).then(() => {
    throw new Error('it hangs')
  })
  late.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    stop.abort()
  }
}

/** Works on a bucket with faults; returns what it did. Then looks at what is left. */
async function suffer(scene: Scene, work: Work, plan: FaultyBucket['plan']): Promise<readonly Done[]> {
  const bucket = await scene.begin()
  await prepareTarget(scene, bucket)
  const faulty = new FaultyBucket(bucket, plan)
  let taken: Id | undefined
  try {
    taken = await bounded(work.run(scene, new TimeoutBucket(faulty, undefined, new HurriedTime())))
  } catch (error) {
    assert.ok(
      isTidemarkError(error),
      error instanceof Error ? (error.stack ?? error.message) : 'not an error',
    )
    assert.match(error.message, /\S/)
  }
  const hit = faulty.done.filter(({ fault }) => fault !== undefined)
  faulty.plan = () => undefined
  const forgotten = hit.some(({ fault }) => fault === 'forget')
  scene.checkTarget()
  if (work.writes && !hit.some((done) => work.excuses?.(done) === true)) {
    // What a bucket has confirmed and not kept is lost; what was there before is not.
    await checkKept(scene, bucket, forgotten ? undefined : taken)
    if (!forgotten) await goOn(scene, bucket)
  }
  return hit
}

async function prepareTarget(scene: Scene, bucket: Bucket): Promise<void> {
  const repository = await Repository.open(bucket)
  const { root } = await repository.snapshots.read([...scene.kept.keys()][0]!)
  rmSync(scene.target, { recursive: true, force: true })
  await restore(repository, root, scene.target)
  repository.close()
}

async function checkKept(scene: Scene, bucket: Bucket, taken: Id | undefined): Promise<void> {
  const repository = await Repository.open(bucket)
  try {
    const listed = new Set(await repository.snapshots.list())
    for (const id of [...scene.kept.keys(), ...(taken === undefined ? [] : [taken])]) {
      assert.ok(listed.has(id), 'every snapshot that was reported is there')
      const { root } = await repository.snapshots.read(id)
      const { problems } = await restore(repository, root, scene.target, { delete: true })
      assert.deepEqual(problems, [])
      assert.deepEqual(describe(scene.target), scene.kept.get(id) ?? describe(scene.root))
    }
  } finally {
    repository.close()
  }
}

/** The next snapshot and the next prune need nobody's help. */
async function goOn(scene: Scene, bucket: Bucket): Promise<void> {
  const folder = await scene.open(bucket)
  try {
    const { id, parent } = await takeSnapshot(folder)
    const repository = await folder.repository()
    const { root } = await repository.snapshots.read((id ?? parent)!)
    await restore(repository, root, scene.target, { delete: true })
    assert.deepEqual(describe(scene.target), describe(scene.root))
    // A lease may have had to stay until its process has ended, and that is this one.
    await prune(repository, { deadShare: 0 }).catch((error: unknown) => {
      if (!isTidemarkError(error, 'busy')) throw error
    })
    const { findings } = await verify(bucket, { data: true })
    assert.deepEqual(
      findings.filter(({ harm }) => harm),
      [],
    )
  } finally {
    folder.close()
  }
}

for (const work of works) {
  suite(`${work.name} on a bucket that fails`, () => {
    test('ends with a clear error, and nothing is lost, whichever operation it is', async (t) => {
      const scene = await Scene.make(t)
      const bucket = await scene.begin()
      await prepareTarget(scene, bucket)
      const counting = new FaultyBucket(bucket)
      await work.run(scene, counting)
      assert.ok(counting.count() > 4, `${counting.count()} operations`)
      let hits = 0
      for (const { number, method, name } of counting.done) {
        const possible = faults.filter(
          ({ kind }) => kind !== 'forget' || method === 'put' || method === 'delete',
        )
        for (let n = 0; n < Math.min(kindsEach, possible.length); n++) {
          const fault = possible[(2 * number + n) % possible.length]!
          try {
            hits += (await suffer(scene, work, faultsAt({ [number]: fault }))).length
          } catch (error) {
            throw new Error(`${JSON.stringify(fault)} at ${number}, ${method} ${name}`, { cause: error })
          }
        }
      }
      t.diagnostic(`${counting.count()} operations, ${hits} faults`)
      assert.ok(hits >= counting.count())
    })

    test('does the same when many fail', async (t) => {
      const scene = await Scene.make(t)
      const seed = Date.now() % 1_000_000
      t.diagnostic(`seed ${seed}`)
      const single = faults.filter(({ kind }) => kind !== 'forget')
      let hits = 0
      // Until some have met one.
      for (let run = 0; run < randomRuns || hits === 0; run++) {
        const allowed = work.excuses ? single.filter(({ kind }) => kind !== 'lie') : single
        const plan = seededFaults(seed + run, 0.02 + 0.3 * Math.min(run / randomRuns, 1), allowed)
        hits += (await suffer(scene, work, plan)).length
      }
    })
  })
}

test('verify, told other bytes than there are, finds that out', async (t) => {
  const scene = await Scene.make(t)
  const counting = new FaultyBucket(await scene.begin())
  const whole = await verify(counting, { data: true })
  assert.deepEqual(whole.findings, [])
  // Whether a listing leaves something out nobody can tell who does not know what there should be.
  const names = new Set(counting.done.filter(({ method }) => method === 'get').map(({ name }) => name))
  assert.ok(names.size > 8)
  for (const wrong of names) {
    for (const kind of ['cut', 'lie'] as const) {
      const faulty = new FaultyBucket(await scene.begin(), ({ method, name }) =>
        method === 'get' && name === wrong ? { kind } : undefined,
      )
      const told = await verify(faulty, { data: true }).then(
        ({ findings }) => findings.length,
        (error: unknown) => Number(isTidemarkError(error)),
      )
      assert.ok(told > 0, `${kind}: ${wrong}`)
    }
  }
})
