import { fromHex } from '../../bytes/hex.ts'
import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { pull, RemoteSet, type Fetch } from '../../exchange/index.ts'
import { parseRange } from '../../exchange/range.ts'
import type { Head } from '../../recent/index.ts'
import { SetIndex, SetRoot } from '../../reconcile/index.ts'
import { digestOfItem } from '../item-digest.ts'
import type { Transport } from '../transport/transport.ts'
import type { MirrorState } from './mirror-state.ts'

/** `equal`: the state knows exactly what the origin has. Else what the sketch told of the difference, if it did. */
export type Proof = 'equal' | { readonly extra: readonly Name[]; readonly lacking: number } | 'unknown'

/**
 * Compares what the state knows with what a head sums up: one addition an item, and no bytes beyond the head. Only
 * when that fails the sketch is read, as far as it takes to tell the difference.
 */
export async function prove(
  state: MirrorState,
  head: Head,
  transport: Transport,
  signal: AbortSignal,
): Promise<Proof> {
  if (head.tree === undefined) return 'unknown'
  const wanted = SetRoot.of(head.tree.count, fromHex(head.tree.root)!)
  const root = new SetRoot()
  const words = new Int32Array(8)
  const bytes = new Uint8Array(words.buffer)
  for (const { path, detail, gone } of state.items.all()) {
    if (gone) continue
    bytes.set(digestOfItem(path, detail))
    root.include(words, 1)
  }
  if (root.equals(wanted)) return 'equal'
  // The sketch of another moment would tell of what has been followed since.
  if (head.sketch === undefined) return 'unknown'
  return bySketch(state, head.sketch.name, wanted, transport, signal)
}

async function bySketch(
  state: MirrorState,
  name: string,
  wanted: SetRoot,
  transport: Transport,
  signal: AbortSignal,
): Promise<Proof> {
  const index = new SetIndex<Name>()
  for (const { path, detail, gone } of state.items.all()) {
    if (!gone) index.add(digestOfItem(path, detail), path)
  }
  const fetch = fetchThrough(transport, name, signal)
  const remote = new RemoteSet('http://origin/sketch', { file: true, fetch, signal })
  try {
    const difference = await pull(index, remote, { salt: 'epoch', items: false })
    if (!difference.root.equals(wanted)) return 'unknown'
    return {
      extra: difference.removed.map((entry) => index.item(entry)),
      lacking: difference.addedIds.length / 2,
    }
  } catch (error) {
    // No sketch (any more), too few cells, or one of another time: then only the index can tell.
    if (isTidemarkError(error, 'limit', 'missing', 'conflict', 'corrupt')) return 'unknown'
    throw error
  }
}

/** What the exchange asks of the web, answered through a transport. */
function fetchThrough(transport: Transport, name: string, signal: AbortSignal): Fetch {
  return async (_url, init) => {
    const header = new Headers(init.headers).get('range')
    const asked = header === null ? undefined : parseRange(header, Number.MAX_SAFE_INTEGER)
    const range = asked === undefined || asked === 'none' ? undefined : { start: asked.from, end: asked.to }
    const reading = await transport.read(name, { range, signal })
    if (typeof reading === 'string') throw new TidemarkError('missing', `${name}: ${reading}`)
    const pieces: Uint8Array[] = []
    for await (const piece of reading.body) pieces.push(piece)
    const body = Buffer.concat(pieces)
    const headers = reading.state === undefined ? {} : { etag: JSON.stringify(reading.state) }
    const isPart = range !== undefined && reading.start === range.start && transport.ranged
    return new Response(new Uint8Array(body), { status: isPart ? 206 : 200, headers })
  }
}
