import { TidemarkError } from '../errors.ts'
import type { ArrivingBlock, ArrivingBlocks } from '../folder/apply/arriving-blocks.ts'
import { Condition } from '../folder/condition.ts'
import type { Id } from '../object/id.ts'
import type { FilledBlock } from '../store/block-source.ts'
import type { CallOptions } from '../store/bucket.ts'
import { throwIfCancelled } from '../store/call.ts'
import type { Store } from '../store/store.ts'
import { HeldBlock } from './held-block.ts'
import { release } from '../bytes/release.ts'
import { KeySet } from './key-set.ts'
import type { Arrival } from './peer.ts'

/** So much is taken in before it is asked for. */
const maxHeld = 32 * 1024 * 1024

/** Chunks and blocks as they come. */
export type Arrivals = AsyncIterable<readonly (Arrival | FilledBlock)[]>

/**
 * Chunks on their way from a peer, in about the order in which they will be asked for. Each is handed out once;
 * whoever needs one again gets it from `others`, as everything that was never on its way. Close it when done.
 */
export class ArrivingStore implements Store, ArrivingBlocks {
  readonly #others: Store
  readonly #arrived = new Map<Id, Uint8Array | HeldBlock>()
  /** Those that have been handed out, or do not come. */
  readonly #taken = new KeySet()
  /** Blocks that somebody has. */
  readonly #out = new Map<ArrivingBlock, HeldBlock>()
  readonly #turn = new Condition()
  /** How often each is being waited for, and those of them that came by another way. */
  readonly #awaited = new Map<Id, number>()
  readonly #elsewhere = new Set<Id>()
  #held = 0
  #ended = false
  readonly #stop: AbortController

  /** `arrivals` is gone through as far as there is room; `stop` ends it. */
  constructor(arrivals: Arrivals, others: Store, stop: AbortController) {
    this.#others = others
    this.#stop = stop
    this.#run(arrivals).catch((error: unknown) => {
      this.#turn.fail(error instanceof Error ? error : new TidemarkError('failed', String(error)))
    })
  }

  async get(id: Id, options: CallOptions = {}): Promise<Uint8Array> {
    throwIfCancelled(options.signal, 'read a chunk')
    if (!this.#arrived.has(id)) await this.#come(id, options)
    const arrived = this.#arrived.get(id)
    const bytes = arrived instanceof HeldBlock ? arrived.chunk(id) : arrived
    this.#handOut(id)
    return bytes ?? this.#others.get(id, options)
  }

  take(id: Id): ArrivingBlock | Promise<ArrivingBlock | undefined> | undefined {
    return this.#arrived.has(id) ? this.#blockOf(id) : this.#come(id).then(() => this.#blockOf(id))
  }

  #blockOf(id: Id): ArrivingBlock | undefined {
    const held = this.#arrived.get(id)
    if (!(held instanceof HeldBlock)) return undefined
    this.#out.set(held.filled, held)
    this.#handOut(id)
    return held.filled
  }

  found(id: Id): void {
    this.#handOut(id)
  }

  opened(taken: ArrivingBlock, payload: Uint8Array<ArrayBuffer>): void {
    const held = this.#out.get(taken)
    this.#out.delete(taken)
    if (held === undefined) return
    // What is left of it may be asked for later. Else the collector would be late to notice.
    if (held.left > 0) held.filled = { block: { ...taken.block, payload }, chunks: taken.chunks }
    else release(payload)
  }

  /** Resolves when a chunk has arrived, or when it has to be looked for elsewhere. */
  async #come(id: Id, options: CallOptions = {}): Promise<void> {
    if (this.#taken.has(id)) return
    // Before the look for it elsewhere: it may come there in the meantime.
    this.#awaited.set(id, (this.#awaited.get(id) ?? 0) + 1)
    this.#turn.notify()
    const isHere = (): boolean =>
      this.#ended || this.#arrived.has(id) || this.#elsewhere.has(id) || this.#taken.has(id)
    try {
      if (!(await this.#others.has([id], options)).has(id)) await this.#turn.until(isHere)
    } finally {
      const left = this.#awaited.get(id)! - 1
      if (left > 0) this.#awaited.set(id, left)
      else {
        this.#awaited.delete(id)
        this.#elsewhere.delete(id)
      }
    }
  }

  /** A chunk has come to `others` by another way: a list of the chunks of a content, for one. */
  came(id: Id): void {
    if (!this.#awaited.has(id)) return
    this.#elsewhere.add(id)
    this.#turn.notify()
  }

  #handOut(id: Id): void {
    const arrived = this.#arrived.get(id)
    if (arrived === undefined) return
    this.#arrived.delete(id)
    this.#taken.add(id)
    if (arrived instanceof Uint8Array) this.#held -= arrived.length
    else if (--arrived.left === 0) this.#held -= arrived.size
    this.#turn.notify()
  }

  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    return this.#others.has(ids, options)
  }

  /** What has not been asked for is not wanted any more. */
  close(): void {
    this.#stop.abort()
    this.#turn.fail(new TidemarkError('cancelled', 'the transfer has ended'))
  }

  async #run(arrivals: Arrivals): Promise<void> {
    for await (const some of arrivals) {
      for (const arrival of some) this.#takeIn(arrival)
      this.#turn.notify()
      await this.#turn.until(() => this.#held < maxHeld || this.#awaited.size > 0)
    }
    this.#ended = true
    this.#turn.notify()
  }

  #takeIn(arrival: Arrival | FilledBlock): void {
    if ('block' in arrival) {
      const held = new HeldBlock(arrival)
      for (const { id } of arrival.chunks) {
        if (this.#arrived.has(id)) continue
        this.#arrived.set(id, held)
        held.left++
      }
      if (held.left > 0) this.#held += held.size
      return
    }
    const { id, bytes } = arrival
    if (bytes === undefined) this.#taken.add(id)
    else if (!this.#arrived.has(id)) {
      this.#arrived.set(id, bytes)
      this.#held += bytes.length
    }
  }
}
