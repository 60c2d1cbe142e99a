import type { TestContext } from 'node:test'
import { LocalPeer } from '../../src/sync/local-peer.ts'
import { synchronize, type Synchronized, type SynchronizeOptions } from '../../src/sync/synchronize.ts'
import { connectPeer } from '../../src/sync/wire/connect-peer.ts'
import { servePeer } from '../../src/sync/wire/serve-peer.ts'
import type { Copy } from './synced-folders.ts'
import { connectionPair } from './wire.ts'

/** Brings two copies in step over a connection of this process, and tells how many bytes went over it. */
export async function syncOverWire(
  t: TestContext,
  one: Copy,
  other: Copy,
  options: SynchronizeOptions = {},
): Promise<Synchronized & { readonly bytes: number }> {
  const [near, far] = connectionPair(t)
  void servePeer(far, async (_request, caller) => {
    const peer = new LocalPeer(other.replica, { caller: () => caller, guard: options.guard })
    return { ...about(other), peer, access: 'read-write', store: other.replica.store }
  })
  const own = new LocalPeer(one.replica, { caller: () => peer, guard: options.guard })
  const { peer } = await connectPeer(near, {
    ...about(one),
    place: undefined,
    create: undefined,
    store: one.replica.store,
    serve: { peer: own, access: 'read-write', store: one.replica.store },
  })
  const result = await synchronize(one.replica, peer, options)
  const bytes = near.sent + near.received
  await near.close()
  await far.close()
  return { ...result, bytes }
}

function about({ replica: { folder, device, host } }: Copy): Record<'folder' | 'device' | 'host', string> {
  return { folder, device, host }
}
