import { TidemarkError } from '../../errors.ts'
import type { Peer } from '../peer.ts'
import { answerFetch } from './answer-fetch.ts'
import { answerNodes } from './answer-nodes.ts'
import type { Answer, Call } from './call.ts'
import type { Features } from './features.ts'
import { decodeHeadRequest, decodeHeads, decodeIds, encodeHeadAnswer, encodeHeads } from './head-messages.ts'
import { encodeReport } from './report-message.ts'
import type { ServedPeer } from './service.ts'

/** What is known of the side that calls. */
export interface OtherSide {
  /** What it can read. */
  readonly features: () => Features
  /** What goes there; see `Connection.isFast`. */
  readonly connection: { readonly isFast: boolean }
}

/** Answers the other side's calls by what `served` has. */
export function answerPeer(served: ServedPeer, other: OtherSide): Answer {
  const { peer, access } = served
  const answers: Readonly<Record<string, (call: Call) => Promise<void>>> = {
    head: (call) => answerHead(peer, call),
    bases: (call) => answerBases(peer, call),
    snapshots: async ({ channel }) => {
      const ids = decodeIds(await channel.receive())
      for (const head of (await peer.snapshots?.(ids, { signal: channel.signal })) ?? [])
        await channel.send(encodeHeads([head]))
    },
    report: async ({ channel }) => {
      const report = await peer.report?.({ signal: channel.signal })
      if (report === undefined) throw new TidemarkError('unsupported', 'nothing is known of this copy')
      await channel.send(encodeReport(report))
    },
    fetch: (call) => answerFetch(peer, call, other),
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
