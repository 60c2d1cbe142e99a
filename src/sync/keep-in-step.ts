import { isTidemarkError, type TidemarkError } from '../errors.ts'
import type { CallOptions } from '../store/bucket.ts'
import { systemTime, type Time } from '../store/time.ts'
import { InTurn } from './in-turn.ts'
import type { Link } from './link.ts'
import type { Mode } from './mode.ts'
import type { Replica } from './replica.ts'
import { synchronize, type Synchronized, type SynchronizeOptions } from './synchronize.ts'

/** With whom a replica is kept in step. */
export interface StepPeer {
  readonly name: string
  readonly mode: Mode
  connect(replica: Replica, options: CallOptions): Promise<Link>
  /**
   * When the next session is to begin, given when the last one began and the time now, all in milliseconds since
   * 1970; undefined: as soon as something has changed on either side.
   */
  readonly schedule?: ((begun: number, now: number) => number) | undefined
}

export type StepEvent =
  | { readonly kind: 'connected'; readonly peer: string }
  | { readonly kind: 'synchronized'; readonly peer: string; readonly result: Synchronized }
  /** It is tried again after `waitMs`. */
  | { readonly kind: 'failed'; readonly peer: string; readonly error: TidemarkError; readonly waitMs: number }

export interface StepOptions extends Pick<SynchronizeOptions, 'guard' | 'onProgress'> {
  readonly signal: AbortSignal
  readonly onEvent?: ((event: StepEvent) => void) | undefined
  /** How long a side waits for a change before it looks whether the other is still there. Milliseconds. */
  readonly pollMs?: number | undefined
  readonly time?: Time | undefined
  /** Milliseconds since 1970: what schedules go by. */
  readonly clock?: (() => number) | undefined
  /** A number from 0 to 1. */
  readonly random?: (() => number) | undefined
}

const second = 1000
const minute = 60 * second

/** The first and the longest wait after a failure, each twice as long as the one before. */
const waits = [second, minute] as const
/** Where nothing moved though something was said to have changed: the same. */
const idleWaits = [5, second] as const

/**
 * Keeps a replica in step with its peers until `signal` is aborted: what changes here is offered at once, and peers
 * are asked to tell when something changes there. A peer that is out of reach is tried again, later and later. One
 * session at a time. Resolves when aborted; rejects with what the replica itself rejects, as when its disk is gone.
 */
export async function keepInStep(
  replica: Replica,
  peers: readonly StepPeer[],
  options: StepOptions,
): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const turn = new InTurn()
  let failure: { error: unknown } | undefined
  const loops = peers.map(async (peer) => {
    try {
      await new PeerLoop(replica, peer, turn, { ...options, signal }).run()
    } catch (error) {
      failure ??= { error }
      stop.abort()
    }
  })
  // Others may call it, and will want to know what changes.
  if (peers.length === 0) await aborted(signal)
  await Promise.all(loops)
  if (failure !== undefined && !options.signal.aborted) throw failure.error
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** What the replica itself rejected. */
class OwnFailure extends Error {}

class PeerLoop {
  readonly #replica: Replica
  readonly #peer: StepPeer
  readonly #turn: InTurn
  readonly #options: StepOptions
  readonly #time: Time
  #failures = 0
  /** Sessions in a row in which nothing moved. */
  #idle = 0
  #begun: number

  constructor(replica: Replica, peer: StepPeer, turn: InTurn, options: StepOptions) {
    this.#replica = replica
    this.#peer = peer
    this.#turn = turn
    this.#options = options
    this.#time = options.time ?? systemTime
    this.#begun = this.#now()
  }

  async run(): Promise<void> {
    const { signal } = this.#options
    while (!signal.aborted) {
      if (this.#peer.schedule !== undefined) await this.#awaitTurn(this.#peer.schedule)
      if (signal.aborted) return
      this.#begun = this.#now()
      try {
        await this.#meet()
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof OwnFailure) throw error.cause
        if (!isTidemarkError(error)) throw error
        const waitMs = this.#wait(waits, this.#failures++)
        this.#options.onEvent?.({ kind: 'failed', peer: this.#peer.name, error, waitMs })
        await this.#sleep(waitMs)
      }
    }
  }

  /** As long as the connection lasts; once, with a schedule. */
  async #meet(): Promise<void> {
    const { signal, onEvent } = this.#options
    const { name, schedule } = this.#peer
    await this.#capture()
    const link = await this.#peer.connect(this.#replica, { signal })
    try {
      onEvent?.({ kind: 'connected', peer: name })
      for (let last: Synchronized | undefined; !signal.aborted;) {
        await this.#capture()
        const result = await this.#turn.take(() => this.#synchronize(link))
        this.#failures = 0
        const moved = last?.mine.id !== result.mine.id || last?.theirs.id !== result.theirs.id
        this.#idle = moved ? 0 : this.#idle + 1
        if (moved) onEvent?.({ kind: 'synchronized', peer: name, result })
        last = result
        if (schedule !== undefined) return
        if (this.#idle > 0) await this.#sleep(this.#wait(idleWaits, this.#idle))
        await this.#awaitNews(link, result)
      }
    } finally {
      await link.close().catch(() => {})
    }
  }

  #synchronize({ peer }: Link): Promise<Synchronized> {
    const { guard, onProgress, signal } = this.#options
    return synchronize(this.#replica, peer, { mode: this.#peer.mode, guard, onProgress, signal })
  }

  /** The folder is looked at by itself first, so that it is known whose failure a failure is. */
  async #capture(): Promise<void> {
    try {
      await this.#replica.capture(this.#options)
    } catch (error) {
      throw new OwnFailure('the folder itself', { cause: error })
    }
  }

  /** Until something may have changed on a side from where changes are taken. */
  async #awaitNews({ peer }: Link, { mine, theirs }: Synchronized): Promise<void> {
    const { pollMs: waitMs = minute, signal } = this.#options
    if (signal.aborted) return
    const { mode } = this.#peer
    const stop = new AbortController()
    const options = { signal: AbortSignal.any([signal, stop.signal]) }
    const waiting: Promise<unknown>[] = []
    if (mode !== 'receive')
      waiting.push(this.#replica.changed?.(mine.id, waitMs, options) ?? this.#sleep(waitMs))
    if (mode !== 'send') waiting.push(peer.head({ after: theirs.id, waitMs, ...options }))
    try {
      await Promise.race(waiting)
    } finally {
      stop.abort()
      await Promise.allSettled(waiting)
    }
  }

  async #awaitTurn(schedule: (begun: number, now: number) => number): Promise<void> {
    const at = schedule(this.#begun, this.#now())
    while (!this.#options.signal.aborted && this.#now() < at)
      await this.#sleep(Math.min(at - this.#now(), minute))
  }

  #now(): number {
    return (this.#options.clock ?? Date.now)()
  }

  /** Milliseconds before attempt number `n`, a fifth more or less. */
  #wait([least, most]: readonly [number, number], n: number): number {
    return Math.min(least * 2 ** n, most) * (0.8 + 0.4 * (this.#options.random ?? Math.random)())
  }

  async #sleep(milliseconds: number): Promise<void> {
    await this.#time.sleep(milliseconds, this.#options.signal).catch(() => {})
  }
}
