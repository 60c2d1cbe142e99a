import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Guard } from './guard.ts'
import type { Link } from './link.ts'
import { LocalPeer } from './local-peer.ts'
import { noDevice } from './merge/merge-heads.ts'
import type { Pulled } from './pulled.ts'
import type { Replica } from './replica.ts'
import { connectPeer } from './wire/connect-peer.ts'
import type { Hello } from './wire/hello.ts'
import type { Access } from './wire/service.ts'
import type { TokenBucket } from './wire/token-bucket.ts'
import { connectionOver, type Link as Stream } from './wire/transport/link.ts'

export interface RemoteOptions extends CallOptions {
  /** Where the folder is there: a path, or the name under which it is served. */
  readonly place: string
  /** Make it when it is none, and how. */
  readonly create?: Hello['create']
  /** What the other side may do here. */
  readonly access: Access
  readonly guard?: Guard | undefined
  /** Is told of what the other side has this one take in. */
  readonly onPulled?: ((pulled: Pulled) => void) | undefined
  /** What may be sent and received. */
  readonly rates?: { readonly send: TokenBucket; readonly receive: TokenBucket } | undefined
}

/** A replica that is reached over a stream. */
export interface RemoteLink extends Link {
  readonly folder: string
  /** What may be done there. */
  readonly access: Access
  /** Bytes that came, and that went, until now. */
  traffic(): { readonly received: number; readonly sent: number }
}

/** Says hello on a new stream on behalf of `own`, whose folder it must be there. */
export async function linkRemote(own: Replica, stream: Stream, options: RemoteOptions): Promise<RemoteLink> {
  const { place, create, access, guard, onPulled, rates, signal } = options
  const connection = connectionOver(stream, { sendRate: rates?.send, receiveRate: rates?.receive })
  try {
    const served = new LocalPeer(own, { caller: () => connected.peer, guard, onPulled })
    const connected = await connectPeer(connection, {
      device: own.device,
      host: own.host,
      place,
      folder: own.folder,
      create,
      plain: stream.isNear,
      store: own.store,
      serve: { peer: served, access, store: own.store },
      signal,
    })
    if (connected.device === own.device)
      throw new TidemarkError(
        'conflict',
        `${stream.name}: that is this very copy, or one that was made of it`,
      )
    const { received, sent } = connection
    return {
      peer: connected.peer,
      folder: connected.folder,
      access: connected.access,
      traffic: () => ({ received: connection.received - received, sent: connection.sent - sent }),
      close: async () => {
        await connection.close()
        // What the other side has begun here needs the replica until it has stopped.
        await connection.settled()
      },
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** Which folder there is at a place; undefined when there is none. */
export async function askFolder(
  stream: Stream,
  { place, signal }: CallOptions & { readonly place: string },
): Promise<string | undefined> {
  const connection = connectionOver(stream)
  try {
    const { folder } = await connectPeer(connection, {
      device: noDevice,
      host: '',
      place,
      folder: undefined,
      create: undefined,
      signal,
    })
    return folder
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return undefined
    throw error
  } finally {
    await connection.close()
  }
}
