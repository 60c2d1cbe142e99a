import { TidemarkError } from '../../errors.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { version } from '../../version.ts'
import { answerPeer } from './answer-peer.ts'
import type { Connection } from './connection.ts'
import { ownFeatures } from './features.ts'
import { decodeWelcome, encodeHello, type Hello, type Welcome } from './hello.ts'
import { RemotePeer } from './remote-peer.ts'
import type { ServedPeer } from './service.ts'

/** What programs of this version call themselves. */
export const program: string = `tidemark/${version}`

export interface ConnectPeerOptions extends CallOptions, Omit<Hello, 'caller' | 'features'> {
  /** Who this side is: 32 hexadecimal digits, and what people call the machine. */
  readonly device: string
  readonly host: string
  /** The other side is near, so that compressing costs more than it saves. */
  readonly plain?: boolean
  /** This side's chunks: what differences are applied to. */
  readonly store?: Store | undefined
  /** What the other side may do here. Nothing, when left out; then it cannot take an offer either. */
  readonly serve?: ServedPeer | undefined
}

/** The other side's replica, and what it said of itself. */
export interface ConnectedPeer extends Omit<Welcome, 'features'> {
  readonly peer: RemotePeer
}

/** How long the answer to a hello may take, which may have to make or to open a folder. Milliseconds. */
const patience = 60_000

/** Says hello on a new connection. Rejects with what the other side has against it; close the connection then. */
export async function connectPeer(
  connection: Connection,
  options: ConnectPeerOptions,
): Promise<ConnectedPeer> {
  const { device, host, place, folder, create, plain = false, store, serve, signal } = options
  let theirs: ReadonlySet<string> = new Set()
  if (serve !== undefined) connection.serve(answerPeer(serve, { features: () => theirs, connection }))
  const caller = { program, device, host }
  const hello = encodeHello({
    caller,
    features: ownFeatures(plain, serve?.store !== undefined),
    place,
    folder,
    create,
  })
  const late = AbortSignal.timeout(patience)
  const both = signal === undefined ? late : AbortSignal.any([signal, late])
  try {
    const channel = await connection.call('hello', hello, { signal: both })
    channel.end()
    const answer = (await channel.receive()) ?? new Uint8Array(0)
    const { features, ...welcome } = decodeWelcome(answer)
    theirs = new Set(features)
    return { ...welcome, peer: new RemotePeer(connection, welcome.device, () => store, theirs) }
  } catch (error) {
    if (!late.aborted || signal?.aborted === true) throw error
    throw new TidemarkError('timeout', `${connection.name}: no answer to hello within ${patience} ms`)
  }
}
