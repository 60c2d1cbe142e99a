import { TidemarkError } from '../errors.ts'
import type { Guard } from './guard.ts'
import type { OpenCopy } from './link.ts'
import { LocalPeer } from './local-peer.ts'
import type { Pulled } from './pulled.ts'
import { peerByFingerprint } from './wire/known-peers.ts'
import type { KnownPeer } from './wire/known-peers.ts'
import type { PeerService } from './wire/service.ts'

/** A folder that peers may ask for by its name. */
export interface ServedFolder {
  readonly name: string
  readonly guard: Guard
  /** Undefined while it cannot be used. */
  readonly copy: () => OpenCopy | undefined
  readonly onPulled?: ((pulled: Pulled, peer: string) => void) | undefined
}

/** A peer may have any folder under this name in its list. */
export const anyName = '*'

/**
 * Gives peers that are known the folders that they may have. Those that are not known, and folders that they may not
 * have, are refused alike, whether there are such folders or not.
 */
export function servedFolders(
  folders: readonly ServedFolder[],
  knownPeers: () => readonly KnownPeer[],
): PeerService {
  return async ({ caller, place, folder: id }, peer) => {
    const known =
      caller.fingerprint === undefined ? undefined : peerByFingerprint(knownPeers(), caller.fingerprint)
    const allowed =
      known?.folders.find(({ name }) => name === place) ?? known?.folders.find(({ name }) => name === anyName)
    const served = folders.find(({ name }) => name === place)
    if (known === undefined || allowed === undefined || served === undefined)
      throw new TidemarkError(
        'denied',
        `there is no folder ${JSON.stringify(place ?? '')} here for this machine`,
      )
    const copy = served.copy()
    if (copy === undefined)
      throw new TidemarkError('unavailable', `the folder ${served.name} cannot be reached just now`)
    const { replica } = copy
    if (id !== undefined && id !== replica.folder)
      throw new TidemarkError(
        'exists',
        `${served.name} is another folder here: the two have not been introduced`,
      )
    if (caller.device === replica.device)
      throw new TidemarkError(
        'conflict',
        `${served.name}: that is this very copy, or one that was made of it`,
      )
    const { guard, onPulled } = served
    const local = new LocalPeer(replica, {
      caller: () => peer,
      guard,
      onPulled: (pulled) => onPulled?.(pulled, known.name),
    })
    const { folder, device, host } = replica
    return { peer: local, access: allowed.access, store: replica.store, folder, device, host }
  }
}
