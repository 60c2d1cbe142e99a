import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { initFolder, openFolder } from '../../src/folder/folder.ts'
import { prune } from '../../src/history/prune.ts'
import { restore } from '../../src/history/restore.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import { verify } from '../../src/history/verify.ts'
import { idFromHex, type Id } from '../../src/object/id.ts'
import { openRepository } from '../../src/store/open-repository.ts'
import { actions, doEdit, type Action } from '../suites/any-edits.ts'
import { seededRandom } from '../suites/random.ts'
import { readFolder, type Described } from '../suites/read-folder.ts'
import { memoryDirectory } from '../suites/temporary-directory.ts'
import { killWhen } from '../suites/victim.ts'

const rounds = Math.ceil(3 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
/** Enough files for a snapshot to start threads. */
const manyFiles = 1600

function describe(root: string): Described {
  const described = new Map(readFolder(root))
  for (const path of described.keys()) if (/^\.tidemark(?:\/|$)/.test(path)) described.delete(path)
  return described
}

/** What a process had said when it was killed. */
interface Said {
  readonly taken: readonly Id[]
  readonly forgetting: readonly Id[]
  readonly signal: NodeJS.Signals | null
}

class Victim {
  readonly #child: ChildProcess
  /** Resolves when it has begun, and has taken so many snapshots after that, or has ended. */
  readonly begun: Promise<void>
  readonly #ended: Promise<NodeJS.Signals | null>
  #said = ''

  constructor(role: string, root: string, place: string, snapshots: number) {
    const script = fileURLToPath(new URL('crash-process.ts', import.meta.url))
    this.#child = spawn(process.execPath, [script, role, root, place], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#ended = new Promise((resolve) => this.#child.once('close', (_code, signal) => resolve(signal)))
    const begun = new Promise<void>((resolve) => {
      this.#child.stdout!.setEncoding('latin1').on('data', (text: string) => {
        this.#said += text
        const taken = this.#said.split('taken ').length - 1
        if (this.#said.includes('begin\n') && (role === 'care' || taken >= snapshots)) resolve()
      })
    })
    this.begun = Promise.race([begun, this.#ended.then(() => undefined)])
  }

  /** Kills it while it holds a lease: moments between two pieces of work say little. */
  async killAtWork(leases: string, random: () => number): Promise<void> {
    const own = new RegExp(`"pid":${this.#child.pid}\\b`)
    const isOwn = (name: string): boolean => {
      try {
        return own.test(readFileSync(`${leases}/${name}`, 'latin1'))
      } catch {
        // Somebody else's, who has given it back meanwhile.
        return false
      }
    }
    const holdsOne = (): boolean => existsSync(leases) && readdirSync(leases).some(isOwn)
    await killWhen(this.#child, holdsOne, () => random() * 20)
  }

  async kill(): Promise<Said> {
    this.#child.kill('SIGKILL')
    const signal = await this.#ended
    // The last line may be cut off: what it says was not said.
    const lines = this.#said.split('\n').slice(0, -1)
    const named = (word: string): Id[] =>
      lines.filter((line) => line.startsWith(`${word} `)).map((line) => idFromHex(line.split(' ')[1]!)!)
    return { taken: named('taken'), forgetting: named('forgetting'), signal }
  }
}

class Scene {
  readonly root: string
  readonly place: string
  readonly target: string
  readonly random: () => number
  /** Reported, and not forgotten since. */
  readonly kept = new Set<Id>()
  readonly #forgotten = new Set<Id>()
  snapshots = 0

  constructor(t: TestContext, seed: number) {
    const parent = memoryDirectory(t)
    this.root = `${parent}/folder`
    this.place = `${parent}/repository`
    this.target = `${parent}/target`
    this.random = seededRandom(seed)
    mkdirSync(this.root)
  }

  /**
   * One process for each role works on the folder while it is edited; all are killed, one after the other, when each
   * has taken so many snapshots.
   */
  async round(roles: readonly string[], snapshots: number, moment: 'any' | 'at work'): Promise<void> {
    const victims = roles.map((role) => new Victim(role, this.root, this.place, snapshots))
    const editing = new AbortController()
    const edited = this.#edit(editing.signal)
    try {
      await Promise.race([edited, Promise.all(victims.map(({ begun }) => begun))])
      for (const victim of this.random() < 0.5 ? victims : victims.toReversed()) {
        await setTimeout(this.random() * 250)
        if (moment === 'at work') await victim.killAtWork(`${this.place}/leases`, this.random)
        this.#take(await victim.kill())
      }
    } finally {
      for (const victim of victims) await victim.kill()
      editing.abort()
      await edited
    }
    await this.#check()
  }

  #take({ taken, forgetting, signal }: Said): void {
    assert.equal(signal, 'SIGKILL', 'it was at work when it was killed')
    for (const id of taken) this.kept.add(id)
    // Those of a process that is looked at later as well.
    for (const id of forgetting) this.#forgotten.add(id)
    this.snapshots += taken.length
  }

  async #edit(signal: AbortSignal): Promise<void> {
    for (let n = 0; !signal.aborted; n++) {
      for (let k = 0; k < 5; k++)
        doEdit(this.root, { action: this.#action(), seed: Math.floor(this.random() * 2 ** 31) })
      if (n % 40 === 0 && this.random() < 0.3) this.#writeMany()
      await setTimeout(this.random() * 15)
    }
  }

  #action(): Action {
    return actions[Math.floor(this.random() * actions.length)]!
  }

  #writeMany(): void {
    rmSync(`${this.root}/many`, { recursive: true, force: true })
    mkdirSync(`${this.root}/many`)
    const what = this.random()
    for (let n = 0; n < manyFiles; n++) writeFileSync(`${this.root}/many/${n}`, `${what} ${n}`)
  }

  #leases(): number {
    return existsSync(`${this.place}/leases`) ? readdirSync(`${this.place}/leases`).length : 0
  }

  async #check(): Promise<void> {
    const repository = await openRepository(this.place)
    const listed = new Set(await repository.snapshots.list())
    for (const id of this.#forgotten) this.kept.delete(id)
    for (const id of this.kept) assert.ok(listed.has(id), 'every snapshot that was reported is there')
    await assertWhole(repository.bucket)

    const folder = await openFolder(this.root)
    try {
      const { id, parent, problems } = await takeSnapshot(folder)
      assert.deepEqual(problems, [])
      const latest = (id ?? parent)!
      this.kept.add(latest)
      const { root } = await repository.snapshots.read(latest)
      rmSync(this.target, { recursive: true, force: true })
      const restored = await restore(repository, root, this.target)
      assert.deepEqual(restored.problems, [])
      assert.deepEqual(describe(this.target), describe(this.root))
      const { waitingFor } = await prune(repository, { deadShare: 0 })
      assert.deepEqual(waitingFor, [], 'nobody waits for the dead')
      await assertWhole(repository.bucket)
      assert.equal(this.#leases(), 0)
    } finally {
      folder.close()
      repository.close()
    }
  }
}

async function assertWhole(bucket: Parameters<typeof verify>[0]): Promise<void> {
  const { findings } = await verify(bucket, { data: true })
  assert.deepEqual(
    findings.filter(({ harm }) => harm),
    [],
  )
}

for (const roles of [['snapshot'], ['watch'], ['snapshot', 'care'], ['watch', 'care']]) {
  suite(`${roles.join(' and ')}, killed`, () => {
    test('lose nothing that was reported, and leave nothing that needs a hand', async (t) => {
      const seed = Date.now() % 1_000_000
      const scene = new Scene(t, seed)
      ;(await initFolder(scene.root, { repository: scene.place })).close()
      t.diagnostic(`seed ${seed}`)
      for (let round = 0; round < rounds; round++)
        await scene.round(roles, round % 3, round % 3 === 1 ? 'any' : 'at work')
      t.diagnostic(`${scene.snapshots} snapshots`)
      assert.ok(scene.snapshots > 0)
    })
  })
}
