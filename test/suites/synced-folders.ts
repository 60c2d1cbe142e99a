import { mkdirSync } from 'node:fs'
import type { FolderSettings } from '../../src/folder/settings.ts'
import { FolderReplica } from '../../src/sync/folder-replica.ts'
import { introduce } from '../../src/sync/introduce.ts'
import { localPeer } from '../../src/sync/local-pair.ts'
import { synchronize, type Synchronized, type SynchronizeOptions } from '../../src/sync/synchronize.ts'

/** One copy of a folder on the disk. */
export interface Copy {
  readonly root: string
  readonly replica: FolderReplica
  close(): Promise<void>
}

/** Copies of one folder at these places, which are made; of the one named `id`, if it is. */
export async function copiesAt(
  roots: readonly string[],
  history: FolderSettings['history'] = 'kept',
  id?: string,
): Promise<Copy[]> {
  const copies: Copy[] = []
  for (const root of roots) {
    mkdirSync(root, { recursive: true })
    const copy = await openedAt(root, id, history)
    id = copy.replica.folder
    copies.push(copy)
  }
  return copies
}

/** The same copy after its process has ended, and `meanwhile`. */
export async function reopened(copy: Copy, meanwhile: () => unknown = () => {}): Promise<Copy> {
  await copy.close()
  await meanwhile()
  return openedAt(copy.root, copy.replica.folder)
}

async function openedAt(
  root: string,
  id: string | undefined,
  history?: FolderSettings['history'],
): Promise<Copy> {
  const folder = await introduce(root, id, { history })
  const replica = await FolderReplica.open(folder)
  const close = async (): Promise<void> => {
    await replica.close()
    folder.close()
  }
  return { root, replica, close }
}

export function syncCopies(one: Copy, other: Copy, options: SynchronizeOptions = {}): Promise<Synchronized> {
  return synchronize(one.replica, localPeer(one.replica, other.replica, { guard: options.guard }), options)
}
