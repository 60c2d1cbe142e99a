import type { CallOptions } from '../store/bucket.ts'
import type { Folder } from '../folder/folder.ts'
import { openIntroduced } from './introduce.ts'
import { FolderReplica } from './folder-replica.ts'
import type { FolderReplicaOptions } from './folder-replica.ts'
import type { Guard } from './guard.ts'
import { localPeer } from './local-pair.ts'
import type { Peer } from './peer.ts'
import type { Pulled } from './pulled.ts'
import type { Replica } from './replica.ts'

/** Another replica, and how to part from it. */
export interface Link {
  readonly peer: Peer
  close(): Promise<void>
}

export interface LinkOptions extends CallOptions {
  readonly guard?: Guard | undefined
  /** The link will be there for long: the other side notices changes as they happen. */
  readonly watch?: FolderReplicaOptions['watch']
  /** Is told of everything that the other side took in, if it is of this machine. */
  readonly onPulled?: ((pulled: Pulled) => void) | undefined
}

/** A folder that is open for sync. Close it when done. */
export interface OpenCopy {
  readonly folder: Folder
  readonly replica: FolderReplica
  close(): Promise<void>
}

/** Takes `folder` over: it is closed when this rejects, or with what this resolves with. */
export async function openCopy(folder: Folder, options: FolderReplicaOptions = {}): Promise<OpenCopy> {
  let replica: FolderReplica
  try {
    replica = await FolderReplica.open(folder, options)
  } catch (error) {
    folder.close()
    throw error
  }
  const close = async (): Promise<void> => {
    await replica.close()
    folder.close()
  }
  return { folder, replica, close }
}

/** Another copy of the folder in a directory of this machine, which is a folder already. */
export async function linkDirectory(
  own: Replica,
  directory: string,
  options: LinkOptions = {},
): Promise<Link> {
  const { guard, watch, onPulled } = options
  const other = await openCopy(await openIntroduced(directory), { watch })
  return { peer: localPeer(own, other.replica, { guard, onPulled }), close: () => other.close() }
}
