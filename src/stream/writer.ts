import { existsSync, statSync } from 'node:fs'
import { fromSystem, isTidemarkError, systemCode, TidemarkError } from '../errors.ts'
import { syncDirectory } from '../store/durable.ts'
import { unifiedDiff } from './unified-diff.ts'
import type { StreamLayout } from './layout.ts'
import { versionsIn } from './version-files.ts'
import { WriterLock } from './lock.ts'
import { packAfter, plainStates } from './pack-limits.ts'
import type { PackFile } from './pack-file.ts'
import { beginWriting } from './begin.ts'
import { type Draft, makeStream, publishVersion, removeEmptyStream, removeIfThere } from './publish.ts'
import { isMoved } from './rereading.ts'
import type { RetentionPolicy } from './retention.ts'
import type { StreamEvent } from './stream-event.ts'
import { compareVersions, nextVersionName, type NameZone, type VersionName } from './version-name.ts'

export interface WriterOptions {
  readonly retain: number
  readonly zone: NameZone
  readonly pack: boolean
  /** Milliseconds to wait for another writer. */
  readonly patience: number
  readonly log: (event: StreamEvent) => void
}

/** What a call of record did. */
export interface Recorded {
  /** The version that has the content: the new one, or the newest when nothing had changed. */
  readonly version: VersionName
  readonly changed: boolean
  /** The length of the content. */
  readonly bytes: number
  /** The diff from the version before; empty when nothing had changed. */
  readonly diff: Uint8Array
}

interface Newest {
  readonly name: VersionName | undefined
  readonly content: Buffer
}

/** So much is pending at most. */
const mostPending = 32
const mostPendingBytes = 32 << 20

/** To begin in a stream that others remove at the same time. */
const attempts = 10

/** The one who may add versions, while it holds the lock. Calls must not overlap; {@link Stream} sees to that. */
export class Writer {
  readonly #layout: StreamLayout
  readonly #options: WriterOptions
  readonly #lock: WriterLock
  /** How many states are files of their own; how many were left when they had been packed last. */
  #states = 0
  #packedAt = 0
  /** Packs whose indexes have been read. */
  #packs: readonly PackFile[] = []
  #recorded = 0
  /** How many versions are pending, and the bytes of their texts. */
  #pending = { versions: 0, bytes: 0 }
  #newest: Newest | undefined
  #latestInode: bigint | undefined
  /** Of the versions that were recorded here and are not packed yet. */
  readonly #known = new Map<VersionName, { hash: string; contentBytes: number }>()

  constructor(layout: StreamLayout, options: WriterOptions) {
    this.#layout = layout
    this.#options = options
    this.#lock = new WriterLock(layout.lockFile, layout.name)
  }

  /**
   * Runs `work` while no other writer can. Rejects `busy` when another one does not end in time. A stream that had to be
   * made for it, and has nothing when `work` fails, is gone again.
   */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    let made: readonly string[]
    try {
      made = await this.#acquire()
    } catch (error) {
      throw fromSystem(error, `record ${this.#layout.name}`)
    }
    try {
      return await work()
    } catch (error) {
      if (removeEmptyStream(this.#layout, made)) this.#lock.close()
      throw error
    } finally {
      this.#lock.release()
    }
  }

  /** Makes the stream if need be, and takes the lock. Returns the directories that have a new entry. */
  async #acquire(): Promise<readonly string[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        const changed = makeStream(this.#layout)
        await Promise.all(changed.map(syncDirectory))
        if (await this.#lock.acquire(this.#options.patience)) return changed
      } catch (error) {
        if (attempt === attempts || existsSync(this.#layout.state)) throw error
      }
      // Removed meanwhile by another writer, who had made it and had nothing to record.
      if (attempt === attempts)
        throw new TidemarkError('busy', `${this.#layout.name} is removed again and again by another writer`)
    }
  }

  /** Adds `content` as a version if it differs from the newest. The lock is held. */
  async add(content: Buffer, moment: number): Promise<Recorded> {
    try {
      const newest = await this.#begin(moment)
      return await this.#append(newest, content, moment)
    } catch (error) {
      this.#newest = undefined
      throw fromSystem(error, `record ${this.#layout.name}`)
    }
  }

  async #append(newest: Newest, content: Buffer, moment: number): Promise<Recorded> {
    if (newest.name !== undefined && content.equals(newest.content)) {
      this.#options.log({ event: 'unchanged', version: newest.name })
      return { version: newest.name, changed: false, bytes: content.length, diff: new Uint8Array(0) }
    }
    const publishing = this.#publish(newest, content, moment)
    // Hashed for packing while the disk is busy; but whoever records once will hardly pack.
    const hash = this.#recorded++ === 0 ? undefined : (await import('../hash/sha256.ts')).sha256Hex(content)
    const { name, diff } = await publishing
    this.#remember({ name, content })
    if (hash !== undefined) this.#known.set(name, { hash, contentBytes: content.length })
    this.#options.log({ event: 'recorded', version: name, bytes: content.length, diffBytes: diff.length })
    return { version: name, changed: true, bytes: content.length, diff }
  }

  async #publish(
    before: Newest,
    content: Buffer,
    moment: number,
  ): Promise<{ name: VersionName; diff: Uint8Array }> {
    const { zone, retain } = this.#options
    // Whoever records once leaves nothing pending.
    const pending = this.#recorded > 0
    for (let newest = before.name; ;) {
      const name = nextVersionName(moment, newest, zone)
      const draft: Draft = { name, content, diff: () => unifiedDiff(before.content, content) }
      try {
        const diff = await publishVersion(this.#layout, draft, { retain, pending })
        if (pending) await this.#countPending(content.length)
        return { name, diff }
      } catch (error) {
        const code = systemCode(error)
        // The old program takes no lock and may have had the same name in mind.
        if (code === 'EEXIST') newest = name
        // What is pending takes room of its own.
        else if (code === 'ENOSPC' && this.#pending.versions > 0) await this.#settle()
        else throw error
      }
    }
  }

  async #countPending(bytes: number): Promise<void> {
    this.#pending.versions++
    this.#pending.bytes += bytes
    if (this.#pending.versions >= mostPending || this.#pending.bytes >= mostPendingBytes) await this.#settle()
  }

  /** The lock is held. */
  async #settle(): Promise<void> {
    const { settleVersions } = await import('./settle.ts')
    await settleVersions(this.#layout)
    this.#pending = { versions: 0, bytes: 0 }
  }

  /**
   * Forces to the disk what belongs to the versions that were recorded, so that nothing is pending. When that cannot be, it
   * stays pending, and is as safe as before.
   */
  async settle(): Promise<void> {
    if (this.#pending.versions === 0) return
    await this.exclusively(() => this.#settle()).catch((error: unknown) => {
      if (!isTidemarkError(error)) throw error
    })
  }

  /** The newest version, from memory when no other writer has been here since. */
  async #begin(moment: number): Promise<Newest> {
    if (this.#newest !== undefined && this.#isUnchanged()) return this.#newest
    this.#known.clear()
    const beginning = await beginWriting(this.#layout, moment, this.#options.zone)
    this.#pending = { versions: 0, bytes: 0 }
    const newest = { name: beginning.name, content: beginning.content }
    this.#remember(newest)
    if (beginning.unrecorded === undefined) return newest
    const { content, time } = beginning.unrecorded
    this.#options.log({ event: 'recovered', bytes: content.length })
    await this.#append(newest, content, time)
    return this.#newest ?? newest
  }

  #remember(newest: Newest): void {
    this.#newest = newest
    this.#states = versionsIn(this.#layout.state).length
    this.#latestInode = this.#readLatestInode()
  }

  /** Every writer, the old program too, adds to `state` and gives `latest.txt` another inode. */
  #isUnchanged(): boolean {
    const states = versionsIn(this.#layout.state)
    this.#states = states.length
    return states.at(-1) === this.#newest?.name && this.#readLatestInode() === this.#latestInode
  }

  #readLatestInode(): bigint | undefined {
    return statSync(this.#layout.latestFile, { bigint: true, throwIfNoEntry: false })?.ino
  }

  /**
   * Packs old states if there are many. Versions may be added meanwhile; only to put the pack in place, `inTurn`
   * is called and the lock is taken. Whatever goes wrong is told to the log and nobody else: the states stay.
   */
  async pack(inTurn: <T>(work: () => Promise<T>) => Promise<T>): Promise<void> {
    let unused: string | undefined
    let tried: VersionName | undefined
    try {
      const [{ listVersions }, { installPack, preparePack, removePackedStates }] = await Promise.all([
        import('./listing.ts'),
        import('./packing.ts'),
      ])
      const listing = listVersions(this.#layout, this.#packs)
      this.#packs = listing.packs
      tried = listing.entries.at(-1)?.name
      const prepared = await preparePack(this.#layout, listing, this.#options.zone, this.#known)
      unused = prepared?.temporary
      await inTurn(() =>
        this.exclusively(async () => {
          removePackedStates(this.#layout, listing)
          if (prepared === undefined || !(await installPack(this.#layout, prepared))) return
          await this.#settlePacked(prepared.states)
          for (const name of prepared.states) this.#known.delete(name)
          this.#options.log({ event: 'packed', versions: prepared.states.length })
        }),
      )
    } catch (error) {
      if (unused !== undefined) removeIfThere(unused)
      // States that another writer has packed meanwhile are gone, which is as well.
      if (!isMoved(error)) this.#options.log({ event: 'not packed', reason: (error as Error).message })
    }
    // What is left of what was tried cannot be packed; it is tried again when there is as much more.
    const left = versionsIn(this.#layout.state)
    this.#states = left.length
    this.#packedAt = left.filter((name) => tried === undefined || compareVersions(name, tried) <= 0).length
  }

  async #settlePacked(names: readonly VersionName[]): Promise<void> {
    const [{ pendingIn }, { settlePacked }] = await Promise.all([
      import('./pending.ts'),
      import('./settle.ts'),
    ])
    settlePacked(this.#layout, names)
    const texts = pendingIn(this.#layout).filter(({ kind }) => kind === 'text')
    this.#pending = { versions: texts.length, bytes: texts.reduce((sum, { length }) => sum + length, 0) }
  }

  /** Whether {@link pack} has something to do. */
  get isPackDue(): boolean {
    return this.#options.pack && this.#states >= Math.max(packAfter, this.#packedAt + packAfter - plainStates)
  }

  /** Gives up what `policy` does not keep. The lock is held. */
  async forget(policy: RetentionPolicy, moment: number): Promise<VersionName[]> {
    try {
      const [{ listVersions }, { chooseForgotten, forgetVersions }] = await Promise.all([
        import('./listing.ts'),
        import('./forget.ts'),
      ])
      await this.#begin(moment)
      const listing = listVersions(this.#layout, this.#packs)
      const forgotten = chooseForgotten(listing, policy, this.#options.zone)
      if (forgotten.length === 0) return []
      await forgetVersions(this.#layout, listing, new Set(forgotten), this.#options.zone)
      this.#options.log({ event: 'forgotten', versions: forgotten.length })
      return forgotten
    } catch (error) {
      this.#newest = undefined
      throw fromSystem(error, `forget versions of ${this.#layout.name}`)
    }
  }

  close(): void {
    this.#lock.close()
  }
}
