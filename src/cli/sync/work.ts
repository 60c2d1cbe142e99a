import { checkApart } from '../../folder/check-apart.ts'
import type { Guard } from '../../sync/guard.ts'
import type { OpenCopy } from '../../sync/link.ts'
import { asPeerOf, remember } from '../../sync/meet.ts'
import type { Pulled } from '../../sync/pulled.ts'
import { readSyncSettings } from '../../sync/sync-settings.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import type { RemoteOptions } from '../../sync/remote-link.ts'
import { introduce } from '../../sync/introduce.ts'
import { parsePlace } from '../../sync/place.ts'
import { openLink } from './open-link.ts'
import type { OpenedLink, Reach } from './open-link.ts'
import type { Parties } from './parties.ts'

/** What all sessions of one call of the command have in common. */
export interface Work {
  readonly parties: Parties
  readonly guard: Guard
  readonly reach: Reach
  /** How a folder is made where there is none. */
  readonly create: NonNullable<RemoteOptions['create']>
  readonly signal: AbortSignal
}

/** Goes to a peer. One that was named on the command line is made if it is not there, and remembered. */
export async function goTo(
  copy: OpenCopy,
  peer: KnownPeer,
  { parties, guard, reach, create, signal }: Work,
  onPulled: (pulled: Pulled) => void,
): Promise<OpenedLink> {
  const options = { reach, guard, signal, onPulled, watch: reach.watch === true ? {} : undefined }
  const { root } = copy.folder
  const { remoteCommand } = reach
  const noted = remoteCommand === undefined ? peer : { ...peer, remoteCommand }
  if (!parties.named) {
    const link = await openLink(copy, peer, options)
    await remember(root, noted)
    return link
  }
  const { peers } = await readSyncSettings(root)
  // One that was there before is not made anew: its disk may not be mounted.
  const isNew = !peers.some(({ place }) => place === peer.place)
  const place = parsePlace(peer.place, '/')
  if (isNew && place.kind === 'directory') {
    checkApart(root, place.path)
    const history = create.history === 'none' ? 'none' : 'kept'
    const other = await introduce(place.path, copy.replica.folder, { history, join: create.join })
    other.close()
    await remember(other.root, asPeerOf(root, peer))
  }
  const link = await openLink(copy, peer, { ...options, create: isNew ? create : undefined })
  await remember(root, noted)
  return link
}
