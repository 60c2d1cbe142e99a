import { TidemarkError } from '../errors.ts'
import { Condition } from '../folder/condition.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { throwIfCancelled } from '../store/call.ts'
import type { Store } from '../store/store.ts'
import type { Peer, Want } from './peer.ts'

/** So much is taken in before it is asked for. */
const maxHeld = 32 * 1024 * 1024

/**
 * Chunks on their way from a peer, in about the order in which they will be asked for. Each is handed out once;
 * whoever needs one again gets it from `others`, as everything that was never on its way. Close it when done.
 */
export class ArrivingStore implements Store {
  readonly #others: Store
  readonly #arrived = new Map<Id, Uint8Array>()
  /** Parts of the ids of those handed out. When two are alike, one is asked for by itself, and no harm is done. */
  readonly #taken = new Set<number>()
  readonly #turn = new Condition()
  /** How often each is being waited for, and those of them that came by another way. */
  readonly #awaited = new Map<Id, number>()
  readonly #elsewhere = new Set<Id>()
  #held = 0
  #ended = false
  readonly #stop = new AbortController()

  /** `wants` is gone through as far as there is room. */
  constructor(peer: Peer, wants: AsyncIterable<readonly Want[]>, others: Store, options: CallOptions = {}) {
    this.#others = others
    const signal = AbortSignal.any([this.#stop.signal, ...(options.signal ? [options.signal] : [])])
    this.#run(peer, wants, { signal }).catch((error: unknown) => {
      this.#turn.fail(error instanceof Error ? error : new TidemarkError('failed', String(error)))
    })
  }

  async get(id: Id, options: CallOptions = {}): Promise<Uint8Array> {
    throwIfCancelled(options.signal, 'read a chunk')
    const arrived = this.#take(id)
    if (arrived !== undefined) return arrived
    // Before the look for it elsewhere: it may come there in the meantime.
    this.#awaited.set(id, (this.#awaited.get(id) ?? 0) + 1)
    this.#turn.notify()
    try {
      const isElsewhere = this.#taken.has(keyOf(id)) || (await this.#others.has([id], options)).has(id)
      if (!isElsewhere)
        await this.#turn.until(() => this.#ended || this.#arrived.has(id) || this.#elsewhere.has(id))
    } finally {
      const left = this.#awaited.get(id)! - 1
      if (left > 0) this.#awaited.set(id, left)
      else {
        this.#awaited.delete(id)
        this.#elsewhere.delete(id)
      }
    }
    return this.#take(id) ?? this.#others.get(id, options)
  }

  /** A chunk has come to `others` by another way: a list of the chunks of a content, for one. */
  came(id: Id): void {
    if (!this.#awaited.has(id)) return
    this.#elsewhere.add(id)
    this.#turn.notify()
  }

  #take(id: Id): Uint8Array | undefined {
    const bytes = this.#arrived.get(id)
    if (bytes === undefined) return undefined
    this.#arrived.delete(id)
    this.#taken.add(keyOf(id))
    this.#held -= bytes.length
    this.#turn.notify()
    return bytes
  }

  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    return this.#others.has(ids, options)
  }

  /** What has not been asked for is not wanted any more. */
  close(): void {
    this.#stop.abort()
    this.#turn.fail(new TidemarkError('cancelled', 'the transfer has ended'))
  }

  async #run(peer: Peer, wants: AsyncIterable<readonly Want[]>, options: CallOptions): Promise<void> {
    for await (const arrivals of peer.fetch(wants, options)) {
      for (const { id, bytes } of arrivals) {
        if (bytes === undefined) continue
        this.#arrived.set(id, bytes)
        this.#held += bytes.length
      }
      this.#turn.notify()
      await this.#turn.until(() => this.#held < maxHeld || this.#awaited.size > 0)
    }
    this.#ended = true
    this.#turn.notify()
  }
}

function keyOf(id: Id): number {
  let key = 0
  for (let n = 0; n < 6; n++) key = key * 256 + id.charCodeAt(n)
  return key
}
