import { setTimeout as sleep } from 'node:timers/promises'
import { isTidemarkError, TidemarkError } from '../../src/errors.ts'
import type { DirectoryEntry } from '../../src/object/entry.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import { encodeSnapshot, type Snapshot } from '../../src/object/snapshot.ts'
import type { CallOptions } from '../../src/store/bucket.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { nothingDone } from '../../src/folder/apply/apply.ts'
import type { Problem } from '../../src/folder/apply/problem.ts'
import type { Head } from '../../src/sync/head.ts'
import type { Arrival, HeadOptions, Peer, Want } from '../../src/sync/peer.ts'
import type { Report } from '../../src/sync/report.ts'

export const folderId: string = 'f0'.repeat(16)
export const deviceId: string = 'd0'.repeat(16)

const root: DirectoryEntry = {
  kind: 'directory',
  name: '',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeNs: 0n,
  xattrs: [],
  link: undefined,
  unreadable: false,
  size: 0,
  count: 0,
  content: undefined,
}

/** The head of a snapshot that differs from others by its number and what `more` says. */
export function headOf(number: number, more: Partial<Snapshot> = {}): Head {
  const about = { folder: folderId, device: deviceId, host: 'memory', path: '/m', time: number }
  const rest = { parents: [], root, message: '', tags: [], unreadable: 0, unstable: 0, program: 'test' }
  const clock = [{ device: deviceId, count: number + 1, id: undefined }]
  const snapshot: Snapshot = { ...about, ...rest, clock, contents: true, ...more }
  return { id: idOf(encodeSnapshot(snapshot)), snapshot }
}

/** A peer of chunks in memory whose head is set by hand: the least that keeps the contract. */
export class MemoryPeer implements Peer {
  readonly name = 'memory'
  readonly store: MemoryStore = new MemoryStore()
  readonly offers: Head[] = []
  /** Ids that were asked for, those of older chunks included. */
  readonly asked: Id[] = []
  #head: Head
  #told = Promise.withResolvers<void>()

  constructor(head: Head = headOf(0)) {
    this.#head = head
  }

  /** Has a new head, and tells those who wait. */
  set current(head: Head) {
    this.#head = head
    this.#told.resolve()
    this.#told = Promise.withResolvers()
  }

  async put(bytes: Uint8Array): Promise<Id> {
    const id = idOf(bytes)
    await this.store.put(id, bytes)
    return id
  }

  async head({ after, waitMs = 0, signal }: HeadOptions = {}): Promise<Head> {
    if (after !== this.#head.id || waitMs === 0) return this.#head
    const stop = new AbortController()
    const signals = signal === undefined ? [stop.signal] : [stop.signal, signal]
    const waited = sleep(waitMs, undefined, { signal: AbortSignal.any(signals) }).catch(() => {})
    await Promise.race([waited, this.#told.promise])
    stop.abort()
    if (signal?.aborted === true) throw new TidemarkError('cancelled', 'head')
    return this.#head
  }

  async bases(one: Head, other: Head): Promise<readonly Head[]> {
    return one.id === other.id ? [one] : [one, other, this.#head]
  }

  async report(): Promise<Report> {
    const counts = { ...nothingDone(), files: 3, bytes: 20_000, deleted: 1 }
    const problems: Problem[] = [
      { path: 'd/device', code: 'failed', message: 'operation not permitted' },
      { path: 'secret', code: 'unreadable', message: 'permission denied' },
    ]
    return { counts, problems, problemCount: 5 }
  }

  async *fetch(
    wants: AsyncIterable<readonly Want[]>,
    options: CallOptions = {},
  ): AsyncGenerator<readonly Arrival[], void> {
    for await (const some of wants) {
      const arrivals: Arrival[] = []
      for (const { id } of some) {
        this.asked.push(id)
        arrivals.push({ id, bytes: await this.#find(id, options) })
      }
      yield arrivals
    }
  }

  async #find(id: Id, options: CallOptions): Promise<Uint8Array | undefined> {
    try {
      return await this.store.get(id, options)
    } catch (error) {
      if (isTidemarkError(error, 'missing')) return undefined
      throw error
    }
  }

  async offer(head: Head): Promise<Head> {
    this.offers.push(head)
    return (this.#head = head)
  }
}
