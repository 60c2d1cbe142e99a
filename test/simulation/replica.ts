import type { ProblemCode, Problem } from '../../src/folder/apply/problem.ts'
import { nothingDone } from '../../src/folder/apply/apply.ts'
import { isTidemarkError, TidemarkError } from '../../src/errors.ts'
import { nextClock } from '../../src/object/clock.ts'
import type { DirectoryEntry, Entry } from '../../src/object/entry.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import { encodeSnapshot, type Snapshot } from '../../src/object/snapshot.ts'
import type { Store } from '../../src/store/store.ts'
import { lastCommon, placed } from '../../src/sync/base.ts'
import { InTurn } from '../../src/sync/in-turn.ts'
import type { Head } from '../../src/sync/head.ts'
import { relate } from '../../src/sync/relation.ts'
import type { Advance, Filled, Pending, Receipt, Replica } from '../../src/sync/replica.ts'
import { compareTrees } from '../../src/tree/compare-trees.ts'
import type { Difference } from '../../src/tree/compare-directories.ts'
import { equalEntries } from '../../src/tree/equal-entries.ts'
import { directoryOf } from '../../src/tree/path.ts'
import { readContent } from '../../src/tree/read-content.ts'
import { keepPlaces, stillAbsent, withoutAbsent, type Absent } from './absent.ts'
import { apply } from './apply.ts'
import type { SimulatedClock } from './clock.ts'
import type { Drive } from './drive.ts'
import { scan } from './scan.ts'
import type { Actor, Scheduler } from './scheduler.ts'

export const simulatedFolder: string = 'f0'.repeat(16)

export interface SimulatedReplicaOptions {
  readonly scheduler: Scheduler
  /** Its life: what it does when this is dead is not done. */
  readonly actor: Actor
  readonly drive: Drive
  readonly clock: SimulatedClock
  /** Moves files in the order of their paths, and does not note where it goes: to be found out. */
  readonly isCareless?: boolean | undefined
  /** Told of each snapshot that becomes its newest. */
  readonly onHead?: ((head: Head) => void) | undefined
  /** Told what it found when it was asked for what came before two snapshots, and of what it goes on to. */
  readonly onBases?: ((one: Head, other: Head, found: readonly Head[]) => void) | undefined
  readonly onAdvance?: ((to: Head) => void) | undefined
  readonly onDenied?: (() => void) | undefined
}

/** A replica whose disk is simulated, from one start to the next crash. All else is the real thing. */
export class SimulatedReplica implements Replica {
  readonly folder: string = simulatedFolder
  readonly device: string
  readonly host: string
  readonly store: Store
  readonly #options: SimulatedReplicaOptions
  /** Of each file read, by its inode, what its number of changes was then. */
  readonly #known = new Map<number, number>()
  readonly #turn = new InTurn()

  constructor(options: SimulatedReplicaOptions) {
    this.#options = options
    this.device = options.drive.device
    this.host = options.actor.name.replace(/-.*/, '')
    const { chunks } = options.drive
    this.store = {
      get: async (id) => {
        if (options.scheduler.chance(0.1)) await this.#step('get')
        return chunks.get(id)
      },
      has: (ids) => chunks.has(ids),
    }
  }

  #step(what: string): Promise<void> {
    return this.#options.scheduler.step(this.#options.actor, what)
  }

  capture(): Promise<Head> {
    return this.#turn.take(() => this.#capture(this.#options.drive.newest))
  }

  async #capture(after: Head | undefined): Promise<Head> {
    const { drive, clock } = this.#options
    if (drive.newest !== undefined) {
      keepPlaces(drive, clock.nowNs())
      drive.absent = await stillAbsent(drive, drive.newest.snapshot.root, drive.chunks)
    }
    const root = await this.#scan()
    if (after !== undefined && equalEntries(root, after.snapshot.root)) return after
    const parents = after === undefined ? [] : [after]
    const snapshot: Snapshot = {
      folder: this.folder,
      device: this.device,
      host: this.host,
      path: '/',
      time: clock.now(),
      parents: parents.map(({ id }) => id),
      clock: nextClock(parents.map(placed), drive.device),
      root,
      message: '',
      tags: [],
      unreadable: 0,
      unstable: 0,
      program: '',
      contents: true,
    }
    return this.#publish({ id: idOf(encodeSnapshot(snapshot)), snapshot })
  }

  async #publish(head: Head, absent?: Absent): Promise<Head> {
    await this.#step('publish')
    const { drive, scheduler } = this.#options
    drive.snapshots.set(head.id, head)
    drive.timelines.delete(head.id)
    drive.newest = head
    drive.absent = absent ?? drive.absent
    this.#options.onHead?.(head)
    scheduler.note(`  ${this.host} is at ${brief(head)}`)
    return head
  }

  async #scan(): Promise<DirectoryEntry> {
    const { disk, chunks, absent } = this.#options.drive
    const keep = (bytes: Uint8Array): Id => {
      const id = idOf(bytes)
      void chunks.put(id, bytes)
      return id
    }
    return scan(disk, (what) => this.#step(what), keep, this.#known, absent)
  }

  async snapshot(id: Id): Promise<Head | undefined> {
    return this.#options.drive.snapshots.get(id)
  }

  async bases(one: Head, other: Head): Promise<readonly Head[]> {
    await this.#step('bases')
    const { snapshots } = this.#options.drive
    const timeline = { snapshot: async (id: Id): Promise<Head | undefined> => snapshots.get(id) }
    const found = await lastCommon(one, other, timeline, [], this.device)
    this.#options.onBases?.(one, other, found)
    return found
  }

  async pending(): Promise<Pending | undefined> {
    const { drive } = this.#options
    const { newest, pending } = drive
    if (newest !== undefined && pending !== undefined && relate(newest, pending.to) === 'none')
      drive.pending = undefined
    return drive.pending
  }

  async receive(): Promise<Receipt> {
    const { chunks } = this.#options.drive
    const put = async (id: Id, bytes: Uint8Array): Promise<void> => {
      await this.#step('put')
      await chunks.put(id, bytes)
    }
    return {
      keepsContents: true,
      get: (id) => this.store.get(id),
      has: (ids) => this.store.has(ids),
      putTree: put,
      putContent: put,
      putSnapshot: async (head) => {
        await this.#step('put snapshot')
        const { snapshots, timelines } = this.#options.drive
        if (snapshots.has(head.id)) return
        snapshots.set(head.id, head)
        timelines.add(head.id)
      },
      advance: (from, to, source) => this.#turn.take(() => this.#advance(from, to, source)),
      close: async () => {},
    }
  }

  fill(): Promise<Filled | undefined> {
    return this.#turn.take(async () => {
      const { drive, clock } = this.#options
      const { disk } = drive
      if (drive.absent.size === 0) return undefined
      // What is in a directory comes to light when that is there.
      for (let made = true; made;) {
        made = false
        for (const [path, entry] of drive.absent) {
          await this.#step(`fill ${path}`)
          if (
            drive.refuses(path) ||
            disk.at(path) !== undefined ||
            disk.directory(directoryOf(path)) === undefined
          )
            continue
          made = true
          const { mode, mtimeNs } = entry
          const above = disk.directory(directoryOf(path))!.mtimeNs
          if (entry.kind === 'directory') disk.makeDirectory(path, mode, mtimeNs)
          else if (entry.kind === 'symlink')
            disk.place(path, disk.newLink(entry.target, mtimeNs), clock.nowNs())
          else
            disk.place(path, disk.newFile(await readText(drive.chunks, entry), mode, mtimeNs), clock.nowNs())
          disk.setTime(directoryOf(path), above)
        }
        drive.absent = await stillAbsent(drive, drive.newest!.snapshot.root, drive.chunks)
      }
      return { counts: nothingDone(), problems: [] }
    })
  }

  async #advance(from: Head, to: Head, source: Store): Promise<Advance> {
    const { drive, scheduler } = this.#options
    if (drive.newest?.id !== from.id) throw new TidemarkError('conflict', 'there is a newer snapshot')
    scheduler.note(`  ${this.host} goes on from ${brief(from)} to ${brief(to)}`)
    const problems: Problem[] = []
    const differences: Difference[] = []
    if (!equalEntries(from.snapshot.root, to.snapshot.root)) {
      differences.push({ path: '', before: from.snapshot.root, after: to.snapshot.root })
    }
    for await (const batch of compareTrees(this.store, from.snapshot.root, to.snapshot.root))
      differences.push(...batch)
    const problem = (path: string, code: ProblemCode, message: string): void => {
      scheduler.note(`  ${this.host}: ${path}: ${message}`)
      problems.push({ path, code, message })
    }
    const { rest, absent } = withoutAbsent(drive.absent, differences)
    this.#options.onAdvance?.(to)
    await this.#step('note what is pending')
    if (this.#options.isCareless !== true) drive.pending = { from, to }
    let refused = 0
    await apply(rest, {
      disk: drive.disk,
      now: () => this.#options.clock.nowNs(),
      step: (what) => this.#step(what),
      read: (entry) => readText(source, entry),
      problem,
      isDenied: (path) => {
        const isDenied = drive.denied !== undefined && path.split('/').includes(drive.denied)
        if (isDenied) this.#options.onDenied?.()
        return isDenied
      },
      isRefused: (path) => drive.refuses(path),
      onRefused: (path, entry) => {
        refused++
        absent.set(path, entry)
      },
      inPathOrder: this.#options.isCareless,
    })
    if (problems.length > refused) {
      return { head: await this.#capture(from), done: false, counts: nothingDone(), problems }
    }
    await this.#publish(to, absent)
    await this.#step('nothing is pending')
    drive.pending = undefined
    return { head: await this.#capture(to), done: true, counts: nothingDone(), problems }
  }
}

async function readText(source: Store, entry: Entry): Promise<string> {
  if (entry.kind !== 'file') return ''
  try {
    return Buffer.concat(await Array.fromAsync(readContent(source, entry))).toString()
  } catch (error) {
    if (isTidemarkError(error, 'missing'))
      throw new Error(`nobody has what ${entry.name} holds`, { cause: error })
    throw error
  }
}

/** For the trace. */
export function brief({ id, snapshot }: Head): string {
  const clock = snapshot.clock.map(({ device, count }) => `${device[1]}${count}`).join(' ')
  return `${Buffer.from(id, 'latin1').toString('hex', 0, 3)} (${clock})`
}
