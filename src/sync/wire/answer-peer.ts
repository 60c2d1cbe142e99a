import { setImmediate } from 'node:timers/promises'
import { TidemarkError } from '../../errors.ts'
import type { Peer, Want } from '../peer.ts'
import { answerNodes } from './answer-nodes.ts'
import { BatchWriter } from './batch.ts'
import type { Answer, Call } from './call.ts'
import type { Channel } from './channel.ts'
import type { Features } from './features.ts'
import { decodeHeadRequest, decodeHeads, encodeHeadAnswer, encodeHeads } from './head-messages.ts'
import { Luck } from './luck.ts'
import type { ServedPeer } from './service.ts'
import { decodeWants } from './want-messages.ts'

/** Answers the other side's calls by what `served` has. `theirs` tells what the other side can read. */
export function answerPeer(served: ServedPeer, theirs: () => Features): Answer {
  const { peer, access } = served
  const answers: Readonly<Record<string, (call: Call) => Promise<void>>> = {
    head: (call) => answerHead(peer, call),
    bases: (call) => answerBases(peer, call),
    fetch: ({ channel }) => answerFetch(peer, channel, theirs()),
    nodes: async (call) => {
      if (served.store === undefined) throw new TidemarkError('unsupported', 'there are no trees here')
      await answerNodes(served.store, call)
    },
    offer: async (call) => {
      if (access === 'read') throw new TidemarkError('denied', 'this peer may read here, but not write')
      await answerOffer(peer, call)
    },
  }
  return async (call) => {
    const answer = Object.hasOwn(answers, call.method) ? answers[call.method] : undefined
    if (answer === undefined) throw new TidemarkError('unsupported', `unknown method ${call.method}`)
    await answer(call)
  }
}

async function answerHead(peer: Peer, { parameters, channel }: Call): Promise<void> {
  const request = decodeHeadRequest(parameters)
  const { after, waitMs } = request
  const head = await peer.head({ after, waitMs, signal: channel.signal })
  await channel.send(encodeHeadAnswer(head, request))
}

async function answerBases(peer: Peer, { channel }: Call): Promise<void> {
  const [one, other] = decodeHeads(await channel.receive(), 2)
  // One message each: there may be many.
  for (const base of await peer.bases(one!, other!, { signal: channel.signal })) {
    await channel.send(encodeHeads([base]))
  }
}

async function answerOffer(peer: Peer, { channel }: Call): Promise<void> {
  const [head] = decodeHeads(await channel.receive(), 1)
  await channel.send(encodeHeads([await peer.offer(head!, { signal: channel.signal })]))
}

async function answerFetch(peer: Peer, channel: Channel, theirs: Features): Promise<void> {
  const makesDeltas = theirs.has('deflate-delta') || theirs.has('zstd-delta')
  // Where files have been replaced by others, the older chunks would be read for nothing.
  const luck = new Luck()
  /** What has been asked of `peer` and has not come. */
  const asked: Asked[] = []
  let next = 0

  // An older chunk is asked for just before the one that it helps to write.
  async function* expanded(): AsyncGenerator<Want[]> {
    for await (const message of channel) {
      const wants: Want[] = []
      for (const { id, like } of decodeWants(message)) {
        const old = makesDeltas && like !== undefined && luck.tries() ? like : undefined
        if (old !== undefined) wants.push({ id: old })
        wants.push({ id })
        asked.push({ id, like: old })
      }
      yield wants
    }
  }

  const writer = new BatchWriter(theirs)
  let old: Uint8Array | undefined
  let hasLike = false
  const arrivals = peer.fetch(expanded(), { signal: channel.signal })[Symbol.asyncIterator]()
  for (;;) {
    const coming = arrivals.next()
    // What is there goes out before waiting for more.
    const soon = await Promise.race([coming, setImmediate()])
    if (soon === undefined) await sendAll(channel, writer.flush())
    const step = await coming
    if (step.done === true) break
    for (const { id, bytes } of step.value) {
      const want = asked[next]
      if (want === undefined) throw new TidemarkError('failed', 'more came than was asked for')
      if (want.like !== undefined && !hasLike) {
        if (id !== want.like) throw new TidemarkError('failed', 'chunks came out of order')
        hasLike = true
        old = bytes
        continue
      }
      if (id !== want.id) throw new TidemarkError('failed', 'chunks came out of order')
      const isDelta = writer.add(bytes, old)
      if (want.like !== undefined && bytes !== undefined) luck.outcome(isDelta)
      hasLike = false
      old = undefined
      if (++next === 4096) asked.splice(0, next)
      next %= 4096
    }
    await sendAll(channel, writer.full())
  }
  if (next !== asked.length) throw new TidemarkError('failed', 'less came than was asked for')
  await sendAll(channel, writer.flush())
}

interface Asked {
  readonly id: string
  readonly like: string | undefined
}

async function sendAll(channel: Channel, messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) await channel.send(message)
}
