import { LocalPeer, type LocalPeerOptions } from './local-peer.ts'
import type { Replica } from './replica.ts'

/** The second of two replicas of this machine, as the first sees it. */
export function localPeer(
  own: Replica,
  other: Replica,
  options: Omit<LocalPeerOptions, 'caller'> = {},
): LocalPeer {
  const self = new LocalPeer(own, { caller: () => peer })
  const peer: LocalPeer = new LocalPeer(other, { ...options, caller: () => self })
  return peer
}
