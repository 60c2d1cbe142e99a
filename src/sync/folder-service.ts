import { TidemarkError } from '../errors.ts'
import { renewDevice } from '../folder/folder.ts'
import type { Folder } from '../folder/folder.ts'
import { introduce, isFolder } from './introduce.ts'
import { openCopy } from './link.ts'
import type { LinkOptions } from './link.ts'
import { LocalPeer } from './local-peer.ts'
import { Onlooker } from './onlooker.ts'
import type { FolderGrant, FolderRequest, PeerService } from './wire/service.ts'

/**
 * Gives whoever calls any folder of this user, as one who could log in as this user has them all anyway. `pathOf` makes
 * a path of the place in a request.
 */
export function anyFolder(
  pathOf: (place: string) => string,
  options: Omit<LinkOptions, 'signal'> = {},
): PeerService {
  return async (request, caller) => {
    if (request.place === undefined) throw new TidemarkError('usage', 'no folder is named')
    const folder = await open(pathOf(request.place), request)
    const { guard, watch, onPulled } = options
    const copy = await openCopy(folder, { watch })
    const { replica } = copy
    return {
      peer: new LocalPeer(replica, { caller: () => caller, guard, onPulled }),
      access: 'read-write',
      store: replica.store,
      folder: replica.folder,
      device: replica.device,
      host: replica.host,
      close: () => copy.close(),
    }
  }
}

async function open(path: string, { caller, folder: id, create }: FolderRequest): Promise<Folder> {
  const options = {
    history: create?.history === 'none' ? ('none' as const) : ('kept' as const),
    join: create?.join,
  }
  if (create === undefined && !isFolder(path)) throw new TidemarkError('missing', `${path} is no folder`)
  const folder = await introduce(path, id, options)
  // The one was made by copying the other.
  return folder.settings.device === caller.device ? renewDevice(folder) : folder
}

/** The same for plans: directories are looked at, and nothing is made or changed. */
export function anyFolderUntouched(pathOf: (place: string) => string): PeerService {
  return async ({ place, folder }, caller, options): Promise<FolderGrant> => {
    if (place === undefined) throw new TidemarkError('usage', 'no folder is named')
    const path = pathOf(place)
    if (folder === undefined && !isFolder(path)) throw new TidemarkError('missing', `${path} is no folder`)
    const onlooker = await Onlooker.open(path, folder ?? '', options)
    return {
      peer: new LocalPeer(onlooker, { caller: () => caller }),
      access: 'read',
      store: onlooker.store,
      folder: onlooker.folder,
      device: onlooker.device,
      host: onlooker.host,
      close: async () => onlooker.close(),
    }
  }
}
