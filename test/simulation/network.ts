import { TidemarkError } from '../../src/errors.ts'
import type { Id } from '../../src/object/id.ts'
import type { CallOptions } from '../../src/store/bucket.ts'
import type { Guard } from '../../src/sync/guard.ts'
import type { Head } from '../../src/sync/head.ts'
import { LocalPeer } from '../../src/sync/local-peer.ts'
import type { Arrival, HeadOptions, Peer, Want } from '../../src/sync/peer.ts'
import type { Replica } from '../../src/sync/replica.ts'
import type { Actor, Scheduler } from './scheduler.ts'

/** The users of a simulation mean what they do, also when they delete everything. */
export const noGuard: Guard = { maxVanishing: 1 }

/** One end of a connection: a replica in one of its lives. */
export interface End {
  readonly actor: Actor
  readonly replica: Replica
}

/** Decides of each message, the first having number 0, whether the connection is cut before it arrives. */
export type Cut = (message: number) => boolean

/** What lies between the replicas: connections that are slow, and end at any moment. */
export class SimulatedNetwork {
  readonly #scheduler: Scheduler
  readonly #actor: Actor
  readonly #open = new Set<Connection>()
  /** The share of messages with which their connection ends. */
  cutShare: number = 0
  /** Pairs of hosts that do not reach each other, as `a b`. */
  readonly partitioned: Set<string> = new Set<string>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#actor = scheduler.actor('network')
  }

  /** The peer that `to` is for `from`, over a connection of its own. */
  connect(from: End, to: End, cut?: Cut): Connection {
    const random = (): boolean => this.#scheduler.chance(this.cutShare)
    const connection = new Connection(this.#scheduler, this.#actor, from, to, cut ?? random)
    this.#open.add(connection)
    void connection.ended.catch(() => this.#open.delete(connection))
    this.check()
    return connection
  }

  /** Ends the connections that are not possible any more: of the dead, and between those who are partitioned. */
  check(): void {
    for (const connection of this.#open) {
      const { one, other } = connection
      const hosts = [one.replica.host, other.replica.host].toSorted().join(' ')
      if (one.actor.dead || other.actor.dead || this.partitioned.has(hosts)) connection.end()
    }
  }
}

/** Two replicas that can call each other, until it is cut. */
export class Connection {
  readonly one: End
  readonly other: End
  /** Rejects when it ends. */
  readonly ended: Promise<never>
  /** What the other end is for the one that connected. */
  readonly peer: Peer
  readonly #scheduler: Scheduler
  readonly #actor: Actor
  readonly #cut: Cut
  readonly #onEnd: (error: Error) => void
  #messages = 0
  #isOpen = true

  constructor(scheduler: Scheduler, actor: Actor, one: End, other: End, cut: Cut) {
    this.#scheduler = scheduler
    this.#actor = actor
    this.one = one
    this.other = other
    this.#cut = cut
    const { promise, reject } = Promise.withResolvers<never>()
    this.ended = promise
    this.#onEnd = reject
    const near = new LocalPeer(one.replica, { caller: () => this.peer, guard: noGuard })
    const far = new LocalPeer(other.replica, { caller: () => back, guard: noGuard })
    const back: Peer = new SimulatedLink(this, other, near)
    this.peer = new SimulatedLink(this, one, far)
  }

  get messages(): number {
    return this.#messages
  }

  /** Resolves when a message has arrived. Rejects when the connection has ended, or is cut with it. */
  async message(from: End, what: string): Promise<void> {
    if (!this.#isOpen) throw gone()
    const number = this.#messages++
    const [a, b] = from === this.one ? [this.one, this.other] : [this.other, this.one]
    const name = `${a.replica.host} > ${b.replica.host} #${number} ${what}`
    const delay = this.#scheduler.chance(0.05) ? this.#scheduler.below(5000) : this.#scheduler.below(30)
    await Promise.race([this.#scheduler.step(this.#actor, name, delay), this.ended])
    if (this.#cut(number)) this.end()
    if (!this.#isOpen || a.actor.dead || b.actor.dead) throw gone()
  }

  end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#scheduler.note(`${this.one.replica.host} - ${this.other.replica.host}: cut`)
    this.#onEnd(gone())
  }
}

function gone(): TidemarkError {
  return new TidemarkError('unavailable', 'the connection is cut')
}

/** The far end of a connection, as a peer: each call and each answer is a message. */
class SimulatedLink implements Peer {
  readonly name: string
  readonly device: string | undefined
  readonly #connection: Connection
  readonly #from: End
  readonly #to: End
  readonly #target: Peer

  constructor(connection: Connection, from: End, target: Peer) {
    this.name = target.name
    this.device = target.device
    this.#connection = connection
    this.#from = from
    this.#to = from === connection.one ? connection.other : connection.one
    this.#target = target
  }

  head(options?: HeadOptions): Promise<Head> {
    return this.#call('head', () => this.#target.head(options))
  }

  bases(one: Head, other: Head, options?: CallOptions): Promise<readonly Head[]> {
    return this.#call('bases', () => this.#target.bases(one, other, options))
  }

  snapshots(ids: readonly Id[], options?: CallOptions): Promise<readonly Head[]> {
    return this.#call('snapshots', () => this.#target.snapshots!(ids, options))
  }

  offer(head: Head, options?: CallOptions): Promise<Head> {
    return this.#call('offer', () => this.#target.offer(head, options))
  }

  async #call<T>(what: string, act: () => Promise<T>): Promise<T> {
    await this.#connection.message(this.#from, what)
    const answer = await this.#settled(act())
    await this.#connection.message(this.#to, `${what}: ${answer.ok ? 'done' : 'failed'}`)
    if (answer.ok) return answer.value
    throw answer.error
  }

  /** What became of a call; rejects when the connection ends before: then nobody hears of it. */
  #settled<T>(call: Promise<T>): Promise<Settled<T>> {
    const settled = call.then(
      (value): Settled<T> => ({ ok: true, value }),
      (error: unknown): Settled<T> => ({ ok: false, error }),
    )
    return Promise.race([settled, this.#connection.ended])
  }

  async *fetch(
    wants: AsyncIterable<readonly Want[]>,
    options?: CallOptions,
  ): AsyncGenerator<readonly Arrival[]> {
    const [connection, from, to] = [this.#connection, this.#from, this.#to]
    async function* sent(): AsyncGenerator<readonly Want[]> {
      for await (const batch of wants) {
        if (batch.length === 0) continue
        await connection.message(from, `fetch ${batch.length}`)
        yield batch
      }
    }
    const arrivals = this.#target.fetch(sent(), options)[Symbol.asyncIterator]()
    for (;;) {
      const next = await this.#settled(arrivals.next())
      if (!next.ok) {
        await connection.message(to, 'fetch: failed')
        throw next.error
      }
      if (next.value.done === true) return
      await connection.message(to, `fetch: ${next.value.value.length} chunks`)
      yield next.value.value
    }
  }
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }
