import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { ArrivingBlock, ArrivingBlocks } from '../folder/apply/arriving-blocks.ts'
import { Condition } from '../folder/condition.ts'
import { idOf, type Id } from '../object/id.ts'
import type { FilledBlock } from '../store/block-source.ts'
import type { CallOptions } from '../store/bucket.ts'
import { throwIfCancelled } from '../store/call.ts'
import { openSealed } from '../store/repository/block-payload.ts'
import type { Store } from '../store/store.ts'
import { KeySet } from './key-set.ts'
import type { Arrival } from './peer.ts'

/** So much is taken in before it is asked for. */
const maxHeld = 32 * 1024 * 1024

/** A block of which something has not been handed out. */
interface Held {
  readonly filled: FilledBlock
  /** Chunks that have not been handed out. */
  left: number
  /** What is in it, once it has been opened here; undefined when it could not be. */
  plain?: Uint8Array | undefined
  isOpen: boolean
}

/**
 * Chunks on their way from a peer, in about the order in which they will be asked for. Each is handed out once;
 * whoever needs one again gets it from `others`, as everything that was never on its way. Close it when done.
 */
export class ArrivingStore implements Store, ArrivingBlocks {
  readonly #others: Store
  readonly #arrived = new Map<Id, Uint8Array | Held>()
  /** Those that have been handed out, or do not come. */
  readonly #taken = new KeySet()
  readonly #turn = new Condition()
  /** How often each is being waited for, and those of them that came by another way. */
  readonly #awaited = new Map<Id, number>()
  readonly #elsewhere = new Set<Id>()
  #held = 0
  #ended = false
  readonly #stop: AbortController

  /** `arrivals` is gone through as far as there is room; `stop` ends it. */
  constructor(
    arrivals: AsyncIterable<readonly (Arrival | FilledBlock)[]>,
    others: Store,
    stop: AbortController,
  ) {
    this.#others = others
    this.#stop = stop
    this.#run(arrivals).catch((error: unknown) => {
      this.#turn.fail(error instanceof Error ? error : new TidemarkError('failed', String(error)))
    })
  }

  async get(id: Id, options: CallOptions = {}): Promise<Uint8Array> {
    throwIfCancelled(options.signal, 'read a chunk')
    if (!this.#arrived.has(id)) await this.#come(id, options)
    const arrived = this.#handOut(id)
    const bytes = arrived instanceof Uint8Array ? arrived : arrived && chunkIn(arrived, id)
    return bytes ?? this.#others.get(id, options)
  }

  take(id: Id): ArrivingBlock | Promise<ArrivingBlock | undefined> | undefined {
    return this.#arrived.has(id) ? this.#blockOf(id) : this.#come(id).then(() => this.#blockOf(id))
  }

  #blockOf(id: Id): ArrivingBlock | undefined {
    const arrived = this.#arrived.get(id)
    if (arrived === undefined || arrived instanceof Uint8Array) return undefined
    this.#handOut(id)
    return arrived.filled
  }

  opened({ chunks }: ArrivingBlock): void {
    for (const { id } of chunks) this.#handOut(id)
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

  #handOut(id: Id): Uint8Array | Held | undefined {
    const arrived = this.#arrived.get(id)
    if (arrived === undefined) return undefined
    this.#arrived.delete(id)
    this.#taken.add(id)
    if (arrived instanceof Uint8Array) this.#held -= arrived.length
    else if (--arrived.left === 0) this.#held -= sizeOf(arrived.filled)
    this.#turn.notify()
    return arrived
  }

  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    return this.#others.has(ids, options)
  }

  /** What has not been asked for is not wanted any more. */
  close(): void {
    this.#stop.abort()
    this.#turn.fail(new TidemarkError('cancelled', 'the transfer has ended'))
  }

  async #run(arrivals: AsyncIterable<readonly (Arrival | FilledBlock)[]>): Promise<void> {
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
      const held: Held = { filled: arrival, left: 0, isOpen: false }
      for (const { id } of arrival.chunks) {
        if (this.#arrived.has(id)) continue
        this.#arrived.set(id, held)
        held.left++
      }
      if (held.left > 0) this.#held += sizeOf(arrival)
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

/** Bytes of memory. */
function sizeOf({ block, chunks }: FilledBlock): number {
  return block.payload.length + 256 * chunks.length
}

/** The chunk, if the block holds it. */
function chunkIn(held: Held, id: Id): Uint8Array | undefined {
  if (!held.isOpen) held.plain = opened(held.filled)
  held.isOpen = true
  const place = held.filled.chunks.find((chunk) => chunk.id === id)
  if (held.plain === undefined || place === undefined) return undefined
  const bytes = held.plain.subarray(place.offset, place.offset + place.length)
  return idOf(bytes) === id ? bytes : undefined
}

function opened({ block }: FilledBlock): Uint8Array | undefined {
  // Its memory may have gone to another thread.
  if (block.payload.buffer.detached) return undefined
  try {
    return openSealed(block)
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return undefined
    throw error
  }
}
