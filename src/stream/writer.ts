import { statSync } from 'node:fs'
import { fromSystem, systemCode } from '../errors.ts'
import { sha256Hex } from '../hash/sha256.ts'
import { syncDirectory } from '../store/durable.ts'
import { formatUnified } from './unified-diff.ts'
import { compareNumbers } from './compare-lines.ts'
import { cutLines } from './lines.ts'
import { LineTable, type NumberedText } from './line-table.ts'
import type { StreamLayout } from './layout.ts'
import { type Listing, listVersions, versionsIn } from './listing.ts'
import { WriterLock } from './lock.ts'
import { installPack, packAfter, preparePack, removePackedStates } from './packing.ts'
import { makeStream, publishVersion } from './publish.ts'
import { finishBrokenOff, sweepTemporaries } from './repair.ts'
import type { RetentionPolicy } from './retention.ts'
import type { StreamEvent } from './stream-event.ts'
import { nextVersionName, type NameZone, type VersionName } from './version-name.ts'

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
  readonly text: NumberedText
}

/** Lines that no version has any more are dropped from the table when they are so many times a text's length. */
const staleShare = 4

/** The one who may add versions, while it holds the lock. Calls must not overlap; {@link Stream} sees to that. */
export class Writer {
  readonly #layout: StreamLayout
  readonly #options: WriterOptions
  readonly #lock: WriterLock
  #listing: Listing | undefined
  #newest: Newest | undefined
  #table: LineTable = new LineTable()
  #latestInode: bigint | undefined
  /** Of the versions that were recorded here and are not packed yet. */
  readonly #known = new Map<VersionName, { hash: string; contentBytes: number }>()

  constructor(layout: StreamLayout, options: WriterOptions) {
    this.#layout = layout
    this.#options = options
    this.#lock = new WriterLock(layout.lockFile, layout.name)
  }

  /** Runs `work` while no other writer can. Rejects `busy` when another one does not end in time. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    try {
      const changed = makeStream(this.#layout)
      await Promise.all(changed.map(syncDirectory))
      await this.#lock.acquire(this.#options.patience)
    } catch (error) {
      throw fromSystem(error, `record ${this.#layout.name}`)
    }
    try {
      return await work()
    } finally {
      this.#lock.release()
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
    const text = this.#table.number(cutLines(content), newest.text)
    const changes = compareNumbers(newest.text.numbers, text.numbers, this.#table.size)
    if (changes.length === 0 && newest.name !== undefined) {
      this.#options.log({ event: 'unchanged', version: newest.name })
      return { version: newest.name, changed: false, bytes: content.length, diff: new Uint8Array(0) }
    }
    const diff = formatUnified(newest.text.lines, text.lines, changes)
    const publishing = this.#publish(newest.name, diff, content, moment)
    // Hashed while the disk is busy.
    const known = { hash: sha256Hex(content), contentBytes: content.length }
    const name = await publishing
    this.#remember({ name, text })
    this.#known.set(name, known)
    this.#listing = { packs: this.#listing!.packs, entries: [...this.#listing!.entries, { name }] }
    this.#options.log({ event: 'recorded', version: name, bytes: content.length, diffBytes: diff.length })
    return { version: name, changed: true, bytes: content.length, diff }
  }

  async #publish(
    after: VersionName | undefined,
    diff: Uint8Array,
    content: Buffer,
    moment: number,
  ): Promise<VersionName> {
    for (let newest = after; ;) {
      const name = nextVersionName(moment, newest, this.#options.zone)
      try {
        await publishVersion(this.#layout, name, diff, content, this.#options.retain)
        return name
      } catch (error) {
        // The old program takes no lock and may have had the same name in mind.
        if (systemCode(error) !== 'EEXIST') throw error
        newest = name
      }
    }
  }

  /** The newest version, from memory when no other writer has been here since. */
  async #begin(moment: number): Promise<Newest> {
    if (this.#newest !== undefined && this.#isUnchanged()) return this.#tidied(this.#newest)
    this.#known.clear()
    sweepTemporaries(this.#layout, moment)
    this.#listing = listVersions(this.#layout, this.#listing?.packs)
    removePackedStates(this.#layout, this.#listing.entries, versionsIn(this.#layout.state))
    const beginning = await finishBrokenOff(this.#layout, this.#listing)
    this.#table = new LineTable()
    const newest = { name: beginning.name, text: this.#table.number(cutLines(beginning.content)) }
    this.#remember(newest)
    if (beginning.unrecorded === undefined) return newest
    const { content, time } = beginning.unrecorded
    this.#options.log({ event: 'recovered', bytes: content.length })
    await this.#append(newest, content, time)
    return this.#newest ?? newest
  }

  #tidied(newest: Newest): Newest {
    const { lines } = newest.text
    if (this.#table.bytes <= staleShare * lines.bytes.length + 65_536) return newest
    this.#table = new LineTable()
    return (this.#newest = { name: newest.name, text: this.#table.number(lines) })
  }

  #remember(newest: Newest): void {
    this.#newest = newest
    this.#latestInode = this.#readLatestInode()
  }

  /** Every writer, the old program too, adds to `state` and gives `latest.txt` another inode. */
  #isUnchanged(): boolean {
    const last = versionsIn(this.#layout.state).at(-1) ?? this.#listing?.packs.at(-1)?.versions.at(-1)?.name
    return last === this.#newest?.name && this.#readLatestInode() === this.#latestInode
  }

  #readLatestInode(): bigint | undefined {
    return statSync(this.#layout.latestFile, { bigint: true, throwIfNoEntry: false })?.ino
  }

  /**
   * Packs old states if there are many. Versions may be added meanwhile; only to put the pack in place, `inTurn`
   * is called and the lock is taken. Whatever goes wrong is told to the log and nobody else: the states stay.
   */
  async pack(inTurn: <T>(work: () => Promise<T>) => Promise<T>): Promise<void> {
    const listing = this.#listing
    if (!this.#options.pack || listing === undefined) return
    try {
      const prepared = await preparePack(this.#layout, listing, this.#options.zone, this.#known)
      if (prepared === undefined) return
      await inTurn(async () => {
        const installed = await this.exclusively(() => installPack(this.#layout, prepared))
        this.#listing = listVersions(this.#layout, listing.packs)
        if (!installed) return
        for (const name of prepared.states) this.#known.delete(name)
        this.#options.log({ event: 'packed', versions: prepared.states.length })
      })
    } catch (error) {
      // Another writer may have packed the same states meanwhile: then they are gone.
      this.#newest = undefined
      this.#options.log({ event: 'not packed', reason: (error as Error).message })
    }
  }

  /** Gives up what `policy` does not keep. The lock is held. */
  async forget(policy: RetentionPolicy, moment: number): Promise<VersionName[]> {
    try {
      const { chooseForgotten, forgetVersions } = await import('./forget.ts')
      await this.#begin(moment)
      const listing = this.#listing!
      const forgotten = chooseForgotten(listing, policy, this.#options.zone)
      if (forgotten.length === 0) return []
      await forgetVersions(this.#layout, listing, new Set(forgotten), this.#options.zone)
      this.#listing = listVersions(this.#layout, listing.packs)
      this.#options.log({ event: 'forgotten', versions: forgotten.length })
      return forgotten
    } catch (error) {
      this.#newest = undefined
      throw fromSystem(error, `forget versions of ${this.#layout.name}`)
    }
  }

  /** Whether {@link pack} has something to do. */
  get isPackDue(): boolean {
    if (!this.#options.pack || this.#listing === undefined) return false
    const { entries } = this.#listing
    return entries.length >= packAfter && entries.at(-packAfter)!.pack === undefined
  }

  close(): void {
    this.#lock.close()
  }
}
