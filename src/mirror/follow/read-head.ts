import { join } from 'node:path'
import { sha256Hex } from '../../hash/sha256.ts'
import { TidemarkError } from '../../errors.ts'
import { longestHead, nameOfHead, parseHead, type SignedHead } from '../../recent/index.ts'
import type { Reading, Transport } from '../transport/transport.ts'
import type { MirrorState } from './mirror-state.ts'
import { checkHead, type TrustOptions } from './trust.ts'

export interface HeadRequest extends TrustOptions {
  readonly transport: Transport
  readonly state: MirrorState
  /** What its name begins with. */
  readonly root: string
  /** The mirror's own, where the last one is. */
  readonly directory: string
  /** Whatever is known of it. */
  readonly anew: boolean
  /** Seconds that the origin may wait with its answer. */
  readonly wait: number | undefined
  readonly signal: AbortSignal
}

export interface NewHead {
  readonly head: SignedHead
  readonly bytes: Uint8Array
  /** As the transport names it; undefined when that is not to be relied on. */
  readonly state: string | undefined
}

/** Asks for the head of an origin, `same` when it is the one that was followed last. Rejects one that is not to be believed. */
export async function readHead(request: HeadRequest): Promise<NewHead | 'same' | 'missing'> {
  const { transport, state, root, directory, anew, wait, signal } = request
  const name = nameOfHead(root)
  const known = anew ? undefined : state.get('head')
  const basis = join(directory, name)
  const reading = await transport.read(name, { known, wait, isShort: true, basis, signal })
  if (reading === 'same' || reading === 'missing') return reading
  if (reading === 'changed') throw new TidemarkError('conflict', `${name} changed while it was read`)
  const bytes = await gather(reading, name)
  const head = parseHead(bytes)
  checkHead(head, state, request)
  const settled = reading.fresh ? undefined : reading.state
  if (!anew && state.get('followed') === sha256Hex(bytes)) {
    state.set('head', settled)
    return 'same'
  }
  return { head, bytes, state: settled }
}

async function gather({ body }: Reading, name: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body) {
    length += piece.length
    if (length > longestHead) throw new TidemarkError('limit', `${name} has more than ${longestHead} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
