import { corrupt, TidemarkError } from '../../errors.ts'
import type { Channel } from './channel.ts'
import { frameTypes, type Frame } from './frame.ts'

/** The channels of a connection, who opened them, and the places that there are for more. */
export class ChannelTable {
  /** How many the other side may have open. */
  readonly #mostOthers: number
  readonly #byId = new Map<number, Channel>()
  /** Those of this side, announced or not, and what is to be done when they are over. */
  readonly #own = new Map<Channel, () => void>()
  readonly #waiting = new Set<() => void>()
  #others = 0
  #nextId: number
  #lastOther: number
  /** How many this side may have open: one, until the other side has said how many. */
  #places = 1

  constructor(isDialler: boolean, mostOthers: number) {
    this.#mostOthers = mostOthers
    this.#nextId = isDialler ? 1 : 2
    this.#lastOther = isDialler ? 0 : -1
  }

  get all(): Channel[] {
    return [...new Set([...this.#byId.values(), ...this.#own.keys()])]
  }

  get(id: number): Channel | undefined {
    return this.#byId.get(id)
  }

  get isFull(): boolean {
    return this.#own.size >= this.#places
  }

  set places(places: number) {
    this.#places = places
    this.wakeAll()
  }

  /** Resolves when there may be a place, or the signal is aborted; whoever does not take it then calls `wakeNext`. */
  place(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal?.removeEventListener('abort', done)
        this.#waiting.delete(done)
        resolve()
      }
      signal?.addEventListener('abort', done)
      this.#waiting.add(done)
    })
  }

  wakeNext(): void {
    const [first] = this.#waiting
    if (!this.isFull) first?.()
  }

  wakeAll(): void {
    for (const wake of this.#waiting) wake()
  }

  /** A channel of this side takes its place. */
  addOwn(channel: Channel, ended: () => void): void {
    this.#own.set(channel, ended)
  }

  /** No numbers are left for channels of this side, as after weeks of a thousand calls a second. */
  get isUsedUp(): boolean {
    return this.#nextId + 2 * this.#own.size > 0xffff_fff0
  }

  /** It is announced to the other side: it gets its number. */
  announce(channel: Channel): number {
    const id = this.#nextId
    this.#nextId += 2
    this.#byId.set(id, channel)
    return id
  }

  /** Throws unless the other side may open a channel of this number now. */
  checkOther(id: number): void {
    if (this.#isOwn(id) || id <= this.#lastOther) throw corrupt('wire', `channel ${id} opened again`)
    if (this.#others >= this.#mostOthers) {
      throw new TidemarkError('limit', `wire: more than ${this.#mostOthers} channels`)
    }
  }

  addOther(channel: Channel): void {
    this.#lastOther = channel.id
    this.#byId.set(channel.id, channel)
    this.#others++
  }

  /** The channel is over: its place is free. */
  forget(channel: Channel): void {
    const ended = this.#own.get(channel)
    if (this.#byId.delete(channel.id) && ended === undefined) this.#others--
    if (ended === undefined) return
    ended()
    this.#own.delete(channel)
    this.wakeNext()
  }

  /** Throws for a frame on a channel that never was, or that must not come when it is over. */
  checkLate({ type, channel: id, payload }: Frame): void {
    const was = this.#isOwn(id) ? id < this.#nextId : id <= this.#lastOther
    // Who has ended a channel may give credit, or reset it, before he learns that it is over.
    if (was && type === frameTypes.credit && payload.length === 4) return
    if (was && type === frameTypes.reset) return
    throw corrupt('wire', `a frame of type ${type} on channel ${id}, which is not open`)
  }

  #isOwn(id: number): boolean {
    return id % 2 === this.#nextId % 2
  }
}
