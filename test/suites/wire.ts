import type { TestContext } from 'node:test'
import { Connection, type ConnectionOptions } from '../../src/sync/wire/connection.ts'
import { connectPeer, type ConnectedPeer, type ConnectPeerOptions } from '../../src/sync/wire/connect-peer.ts'
import type { FolderGrant, FolderRequest, PeerService } from '../../src/sync/wire/service.ts'
import { servePeer } from '../../src/sync/wire/serve-peer.ts'
import { streamPair } from '../../src/sync/wire/transport/pair.ts'
import { deviceId, folderId, type MemoryPeer } from './memory-peer.ts'

type Options = Partial<ConnectionOptions>

/** Two ends of a connection within this process; both are closed when the test has ended. */
export function connectionPair(
  t: TestContext,
  options: Options = {},
  other: Options = options,
): [Connection, Connection] {
  const [near, far] = streamPair()
  const dialler = new Connection(near, { name: 'listener', isDialler: true, ...options })
  const listener = new Connection(far, { name: 'dialler', isDialler: false, ...other })
  t.after(() => Promise.all([dialler.close(), listener.close()]))
  return [dialler, listener]
}

/** Serves `peer` to whoever asks; `seen` gets what they asked. */
export function serviceOf(
  peer: MemoryPeer,
  more: Partial<FolderGrant> = {},
  seen: FolderRequest[] = [],
): PeerService {
  return async (request) => {
    seen.push(request)
    const about = { folder: folderId, device: deviceId, host: 'far', store: peer.store }
    return { peer, access: 'read-write', ...about, ...more }
  }
}

export const whoAmI: Pick<ConnectPeerOptions, 'device' | 'host' | 'place' | 'folder' | 'create'> = {
  device: 'ab'.repeat(16),
  host: 'near',
  place: undefined,
  folder: folderId,
  create: undefined,
}

/** A peer reached over a connection within this process. */
export async function reachPeer(
  t: TestContext,
  service: PeerService,
  more: Partial<ConnectPeerOptions> = {},
  options: Options = {},
): Promise<ConnectedPeer & { readonly near: Connection; readonly far: Connection }> {
  const [near, far] = connectionPair(t, options)
  void servePeer(far, service)
  return { ...(await connectPeer(near, { ...whoAmI, ...more })), near, far }
}
