import { isTidemarkError } from '../errors.ts'
import { nothingDone } from '../folder/apply/apply.ts'
import { mostProblems } from '../folder/apply/problem.ts'
import type { Neighbour } from '../folder/apply/thread-sources.ts'
import type { Id } from '../object/id.ts'
import { givesBlocks, type ChunkWish, type FilledBlock } from '../store/block-source.ts'
import type { CallOptions } from '../store/bucket.ts'
import { nearOf } from '../store/store.ts'
import type { Head } from './head.ts'
import type { Arrival, FetchBlocksOptions, HeadOptions, Peer, Want } from './peer.ts'
import { PeerStore } from './peer-store.ts'
import { pull } from './pull.ts'
import type { Pulled, PullOptions } from './pulled.ts'
import type { Replica } from './replica.ts'
import { problemsOf, sumOf, type Report } from './report.ts'
import { settle } from './settle.ts'

/** Chunks read at a time. */
const readsAtOnce = 16

export interface LocalPeerOptions extends Pick<PullOptions, 'guard' | 'onPulled'> {
  /** The other side, from where what it offers is fetched. */
  readonly caller: () => Peer
}

/** A replica of this machine as others see it. */
export class LocalPeer implements Peer {
  readonly name: string
  readonly device: string
  readonly #replica: Replica
  readonly #options: LocalPeerOptions
  /** The newest snapshot as it was told last: soon after, its files need not be looked at again. */
  #told: Head | undefined
  /** What was put into its files since it was asked for that, and what it took in last. */
  #counts = nothingDone()
  #last: Pulled | undefined

  constructor(replica: Replica, options: LocalPeerOptions) {
    this.name = replica.host
    this.device = replica.device
    this.#replica = replica
    this.#options = options
  }

  async head({ after, waitMs, signal }: HeadOptions = {}): Promise<Head> {
    if (after !== undefined && waitMs !== undefined) await this.#replica.changed?.(after, waitMs, { signal })
    const { caller, guard } = this.#options
    const { head } = await settle(this.#replica, caller(), { guard, signal })
    this.#told = head
    // Nobody else does, where this side never begins.
    await this.#fill(signal)
    return head
  }

  /** What could not be made once may be made now. */
  async #fill(signal: AbortSignal | undefined): Promise<void> {
    try {
      const filled = await this.#replica.fill?.(new PeerStore(this.#options.caller()), { signal })
      if (filled !== undefined) this.#counts = sumOf([{ counts: this.#counts }, filled])
    } catch (error) {
      if (!isTidemarkError(error) || isTidemarkError(error, 'cancelled')) throw error
    }
  }

  async snapshots(ids: readonly Id[], options?: CallOptions): Promise<readonly Head[]> {
    const found = await Promise.all(ids.map((id) => this.#replica.snapshot(id, options)))
    return found.filter((head) => head !== undefined)
  }

  report(): Promise<Report> {
    const problems = problemsOf(this.#replica, this.#last)
    const counts = this.#counts
    this.#counts = nothingDone()
    const told = problems.slice(0, mostProblems)
    return Promise.resolve({ counts, problems: told, problemCount: problems.length })
  }

  bases(one: Head, other: Head, options?: CallOptions): Promise<readonly Head[]> {
    return this.#replica.bases(one, other, options)
  }

  neighbour(): Promise<Neighbour | undefined> {
    return this.#replica.neighbour?.() ?? Promise.resolve(undefined)
  }

  async *fetch(
    wants: AsyncIterable<readonly Want[]>,
    options: CallOptions = {},
  ): AsyncGenerator<readonly Arrival[]> {
    for await (const batch of wants) {
      for (let start = 0; start < batch.length; start += readsAtOnce) {
        const some = batch.slice(start, start + readsAtOnce)
        yield await Promise.all(some.map((want) => this.#read(want, options)))
      }
    }
  }

  async *fetchBlocks(
    wants: AsyncIterable<readonly Want[]>,
    { blocks, isFar = () => false, signal }: FetchBlocksOptions,
  ): AsyncGenerator<readonly (Arrival | FilledBlock)[]> {
    const { store } = this.#replica
    if (!givesBlocks(store)) {
      yield* this.fetch(wants, { signal })
      return
    }
    const reader = store.blockReader({ compress: () => blocks === 'kept' || isFar() })
    try {
      for await (const answers of reader.read(wants, { signal })) {
        let single: ChunkWish[] = []
        for (const answer of answers) {
          const isBlock = 'block' in answer
          if (!isBlock) single.push(answer)
          if (single.length > 0 && (isBlock || single.length === readsAtOnce)) {
            yield await Promise.all(single.map((wish) => this.#read(wish, { signal })))
            single = []
          }
          if (isBlock) yield [answer]
        }
        if (single.length > 0) yield await Promise.all(single.map((wish) => this.#read(wish, { signal })))
      }
    } finally {
      await reader.close()
    }
  }

  async #read({ id, spare }: Want, options: CallOptions): Promise<Arrival> {
    const { store } = this.#replica
    try {
      return { id, bytes: await (spare === true ? nearOf(store) : store).get(id, options) }
    } catch (error) {
      // Another peer may have what is lost here.
      if (isTidemarkError(error, 'missing', 'corrupt')) return { id, bytes: undefined }
      throw error
    }
  }

  async offer(head: Head, { signal }: CallOptions = {}): Promise<Head> {
    const mine = this.#told
    this.#told = undefined
    const { caller, ...options } = this.#options
    const pulled = await pull(this.#replica, caller(), { ...options, mine, theirs: head, signal })
    const { device } = caller()
    if (pulled.head.id === head.id && device !== undefined) await this.#replica.noteCommon?.(device, head)
    this.#counts = sumOf([{ counts: this.#counts }, pulled])
    this.#last = pulled
    await this.#fill(signal)
    return pulled.head
  }
}
