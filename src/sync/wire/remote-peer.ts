import { corrupt, fromSystem, isTidemarkError, TidemarkError } from '../../errors.ts'
import { idOf, idToHex, type Id } from '../../object/id.ts'
import type { FilledBlock } from '../../store/block-source.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import type { Head } from '../head.ts'
import type { Arrival, HeadOptions, Peer, Want } from '../peer.ts'
import type { Report } from '../report.ts'
import { decodeBatch, type Item } from './decode-batch.ts'
import type { Channel } from './channel.ts'
import type { Connection } from './connection.ts'
import { applyDelta } from './delta.ts'
import { decodeHeadAnswer, decodeHeads, encodeHeadRequest, encodeHeads, encodeIds } from './head-messages.ts'
import type { Features } from './features.ts'
import { maxBatch } from './limits.ts'
import { missingNodes } from './missing-nodes.ts'
import { PendingWishes } from './pending-wishes.ts'
import { decodeReport } from './report-message.ts'
import { encodeFetch, encodeWants, maxWants, type FetchRequest } from './want-messages.ts'

const nothing = new Uint8Array(0)
/** Credit for chunks on their way: enough for a link of 1 Gbit/s and 60 ms. */
const fetchWindow = 8 * 1024 * 1024
/** No answer has more snapshots. */
const maxBases = 4096

/** The replica at the other end of a connection. */
export class RemotePeer implements Peer {
  readonly name: string
  readonly device: string
  readonly missingNodes: Peer['missingNodes']
  readonly fetchBlocks: Peer['fetchBlocks']
  readonly report: Peer['report']
  readonly snapshots: Peer['snapshots']
  readonly #connection: Connection
  readonly #store: () => Store | undefined
  /** The newest that it has told: it need not tell that again. */
  #known: Head | undefined

  /** `store`: what differences are applied to; without it chunks come whole. `theirs`: what the other side can. */
  constructor(connection: Connection, device: string, store: () => Store | undefined, theirs: Features) {
    this.name = connection.name
    this.device = device
    this.#connection = connection
    this.#store = store
    if (theirs.has('blocks')) {
      this.fetchBlocks = (wants, { blocks, ...options }) => this.#fetch(wants, blocks, options)
    }
    if (theirs.has('snapshots')) {
      this.snapshots = (ids, options) => this.#snapshots(ids, options)
    }
    if (theirs.has('report')) {
      this.report = (options) => this.#report(options)
    }
    if (theirs.has('nodes')) {
      this.missingNodes = (root, have, options) => missingNodes(connection, root, have, options)
    }
  }

  async head(options: HeadOptions = {}): Promise<Head> {
    const { after, waitMs = 0, signal } = options
    const holds = after !== undefined && this.#known?.id === after
    const held = this.#known
    const channel = await this.#connection.call('head', encodeHeadRequest({ after, holds, waitMs }), {
      signal,
    })
    const head = decodeHeadAnswer(await this.#only(channel))
    if (head === undefined && !holds) throw corrupt(this.name, 'no snapshot, though one was asked for')
    this.#known = head ?? held
    return this.#known!
  }

  async bases(one: Head, other: Head, options: CallOptions = {}): Promise<readonly Head[]> {
    const channel = await this.#connection.call('bases', nothing, options)
    await channel.send(encodeHeads([one, other]))
    channel.end()
    const bases: Head[] = []
    for await (const message of channel) {
      if (bases.length === maxBases) throw new TidemarkError('limit', `${this.name}: too many snapshots`)
      bases.push(decodeHeads(message, 1)[0]!)
    }
    return bases
  }

  async offer(head: Head, options: CallOptions = {}): Promise<Head> {
    const channel = await this.#connection.call('offer', nothing, options)
    await channel.send(encodeHeads([head]))
    return decodeHeads(await this.#only(channel), 1)[0]!
  }

  async #snapshots(ids: readonly Id[], options?: CallOptions): Promise<readonly Head[]> {
    const channel = await this.#connection.call('snapshots', nothing, options)
    await channel.send(encodeIds(ids))
    channel.end()
    const heads: Head[] = []
    for await (const message of channel) {
      if (heads.length === ids.length) throw corrupt(this.name, 'more snapshots than were asked for')
      heads.push(decodeHeads(message, 1)[0]!)
    }
    return heads
  }

  async #report(options?: CallOptions): Promise<Report | undefined> {
    try {
      return decodeReport(await this.#only(await this.#connection.call('report', nothing, options)))
    } catch (error) {
      if (isTidemarkError(error, 'unsupported')) return undefined
      throw error
    }
  }

  /** The one message of an answer. */
  async #only(channel: Channel): Promise<Uint8Array | undefined> {
    channel.end()
    const message = await channel.receive()
    if ((await channel.receive()) === undefined) return message
    const error = corrupt(this.name, 'more than one answer')
    channel.reset(error)
    throw error
  }

  fetch(
    wants: AsyncIterable<readonly Want[]>,
    options: CallOptions = {},
  ): AsyncGenerator<readonly Arrival[]> {
    // Blocks come only to those who ask for them.
    return this.#fetch(wants, undefined, options) as AsyncGenerator<readonly Arrival[]>
  }

  async *#fetch(
    wants: AsyncIterable<readonly Want[]>,
    blocks: FetchRequest['blocks'],
    options: CallOptions,
  ): AsyncGenerator<readonly (Arrival | FilledBlock)[], void> {
    const { signal } = options
    const store = this.#store()
    const sizes = { window: fetchWindow, largest: maxBatch }
    const channel = await this.#connection.call('fetch', encodeFetch({ blocks }), { signal, ...sizes })
    const asked = new PendingWishes<Want>()
    const asking = ask(wants, channel, asked, store !== undefined)
    for await (const message of channel) {
      const arrivals: (Arrival | FilledBlock)[] = []
      for (const item of decodeBatch(message)) {
        if (item?.kind === 'block') {
          if (blocks === undefined) throw corrupt(this.name, 'a block, though none was asked for')
          const isWanted = item.filled.chunks.every(({ id }) => asked.answer(id))
          if (!isWanted) throw corrupt(this.name, 'a block for what was not asked for')
          arrivals.push(item.filled)
          continue
        }
        const want = asked.take()
        if (want === undefined) throw corrupt(this.name, 'more chunks than were asked for')
        arrivals.push({ id: want.id, bytes: await this.#arrived(want, item, store, options) })
      }
      yield arrivals
    }
    await asking
    if (asked.take() !== undefined) throw corrupt(this.name, 'fewer chunks than were asked for')
  }

  async #arrived(
    want: Want,
    item: Exclude<Item, { kind: 'block' }>,
    store: Store | undefined,
    options: CallOptions,
  ): Promise<Uint8Array | undefined> {
    if (item === undefined) return undefined
    if (item.kind === 'bytes') return this.#checked(want.id, item.bytes)
    if (want.like === undefined || store === undefined) {
      throw corrupt(this.name, 'a difference that was not asked for')
    }
    let old: Uint8Array
    try {
      old = await store.get(want.like, options)
    } catch (error) {
      if (options.signal?.aborted === true) throw error
      // It was here when it was asked for, perhaps in a file that has changed since.
      return this.#whole(want.id, options)
    }
    return this.#checked(want.id, applyDelta(item, old, item.length))
  }

  async #whole(id: Id, options: CallOptions): Promise<Uint8Array | undefined> {
    async function* wants(): AsyncGenerator<Want[]> {
      yield [{ id }]
    }
    for await (const [arrival] of this.fetch(wants(), options)) return arrival?.bytes
    return undefined
  }

  #checked(id: Id, bytes: Uint8Array): Uint8Array {
    const actual = idOf(bytes)
    if (actual === id) return bytes
    throw corrupt(this.name, `instead of the chunk ${idToHex(id)} came one with the hash ${idToHex(actual)}`)
  }
}

/** Sends all wishes. Never rejects: an error of theirs resets the channel, and so comes out where chunks are awaited. */
async function ask(
  wants: AsyncIterable<readonly Want[]>,
  channel: Channel,
  asked: PendingWishes<Want>,
  withLikes: boolean,
): Promise<void> {
  try {
    for await (const some of wants) {
      for (let from = 0; from < some.length; from += maxWants) {
        const part = some.slice(from, from + maxWants)
        for (const want of part) asked.put(want)
        await channel.send(encodeWants(part, withLikes))
      }
    }
    channel.end()
  } catch (error) {
    channel.reset(fromSystem(error, 'what was to be fetched'))
  }
}
