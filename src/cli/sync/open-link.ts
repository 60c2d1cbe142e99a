import { TidemarkError } from '../../errors.ts'
import { linkDirectory } from '../../sync/link.ts'
import type { Link, LinkOptions, OpenCopy } from '../../sync/link.ts'
import { checkRemembered } from '../../sync/meet.ts'
import { parsePlace } from '../../sync/place.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'

/** A link that also says whether it tells what the other side takes in. */
export interface OpenedLink extends Link {
  readonly tells: boolean
}

/** Goes to a peer of the folder, wherever it is. */
export async function openLink(copy: OpenCopy, peer: KnownPeer, options: LinkOptions): Promise<OpenedLink> {
  const place = parsePlace(peer.place, '/')
  if (place.kind === 'directory') {
    await checkRemembered(copy.folder.root, place.path)
    return { ...(await linkDirectory(copy.replica, place.path, options)), tells: true }
  }
  throw new TidemarkError('unsupported', `${peer.place}: not yet`)
}
