import { setImmediate } from 'node:timers/promises'
import { release } from '../../bytes/release.ts'
import { TidemarkError } from '../../errors.ts'
import type { FilledBlock } from '../../store/block-source.ts'
import type { Arrival, Peer, Want } from '../peer.ts'
import type { OtherSide } from './answer-peer.ts'
import { BatchWriter } from './batch-writer.ts'
import type { Call } from './call.ts'
import type { Channel } from './channel.ts'
import type { Features } from './features.ts'
import { Luck } from './luck.ts'
import { PendingWishes } from './pending-wishes.ts'
import { decodeFetch, decodeWants } from './want-messages.ts'

interface Asked {
  readonly id: string
  /** An older chunk, which has been asked for as well. */
  readonly like: string | undefined
}

/** Sends the chunks that are wished for, each as what is shortest. */
export async function answerFetch(
  peer: Peer,
  { parameters, channel }: Call,
  { features, connection }: OtherSide,
): Promise<void> {
  const { blocks } = decodeFetch(parameters)
  const theirs = features()
  const isFar = (): boolean => !theirs.has('plain') && !connection.isFast
  const fetching = new Fetching(theirs)
  const wants = fetching.expanded(channel)
  const { signal } = channel
  const found =
    blocks === undefined || peer.fetchBlocks === undefined
      ? peer.fetch(wants, { signal })
      : peer.fetchBlocks(wants, { signal, blocks, isFar })
  const arrivals = found[Symbol.asyncIterator]()
  for (;;) {
    const coming = arrivals.next()
    // What is there goes out before waiting for more.
    const soon = await Promise.race([coming, setImmediate()])
    if (soon === undefined) await sendAll(channel, fetching.writer.flush())
    const step = await coming
    if (step.done === true) break
    for (const arrival of step.value) fetching.take(arrival)
    await sendAll(channel, fetching.writer.full())
  }
  fetching.finish()
  await sendAll(channel, fetching.writer.flush())
}

async function sendAll(channel: Channel, messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) await channel.send(message)
}

/** What has been wished for on one channel, and what has come of it. */
class Fetching {
  readonly writer: BatchWriter
  readonly #makesDeltas: boolean
  /** Where files have been replaced by others, the older chunks would be read for nothing. */
  readonly #luck = new Luck()
  readonly #asked = new PendingWishes<Asked>()
  /** The one whose older chunk has come, and that chunk. */
  #current: { readonly want: Asked; readonly old: Uint8Array | undefined } | undefined

  constructor(theirs: Features) {
    this.writer = new BatchWriter(theirs)
    this.#makesDeltas = theirs.has('deflate-delta') || theirs.has('zstd-delta')
  }

  /** An older chunk is asked for just before the one that it helps to write. */
  async *expanded(channel: Channel): AsyncGenerator<Want[]> {
    for await (const message of channel) {
      const wants: Want[] = []
      for (const { id, like } of decodeWants(message)) {
        const old = this.#makesDeltas && like !== undefined && this.#luck.tries() ? like : undefined
        if (old !== undefined) wants.push({ id: old, alone: true, spare: true })
        wants.push({ id, alone: old !== undefined })
        this.#asked.put({ id, like: old })
      }
      yield wants
    }
  }

  take(arrival: Arrival | FilledBlock): void {
    if ('block' in arrival) {
      for (const { id } of arrival.chunks) if (!this.#asked.answer(id)) throw outOfOrder()
      this.writer.addBlock(arrival)
      release(arrival.block.payload)
      return
    }
    const { id, bytes } = arrival
    const { want, old } = this.#current ?? { want: this.#asked.take(), old: undefined }
    if (want === undefined) throw new TidemarkError('failed', 'more came than was asked for')
    if (want.like !== undefined && this.#current === undefined) {
      if (id !== want.like) throw outOfOrder()
      this.#current = { want, old: bytes }
      return
    }
    if (id !== want.id) throw outOfOrder()
    const isDelta = this.writer.add(bytes, old)
    if (want.like !== undefined && bytes !== undefined) this.#luck.outcome(isDelta)
    this.#current = undefined
  }

  finish(): void {
    if (this.#current !== undefined || this.#asked.take() !== undefined)
      throw new TidemarkError('failed', 'less came than was asked for')
  }
}

function outOfOrder(): TidemarkError {
  return new TidemarkError('failed', 'chunks came out of order')
}
