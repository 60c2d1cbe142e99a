import { resolve } from 'node:path'
import type { IntroduceOptions } from './introduce.ts'
import { openIntroduced } from './introduce.ts'
import { keepFolder, type KeepEvent } from './keep-folder.ts'
import { linkDirectory, openCopy } from './link.ts'
import { befriend, nameOfPlace } from './meet.ts'
import type { Pulled } from './pulled.ts'
import type { KnownPeer } from './sync-settings.ts'
import { synchronize, type Synchronized, type SynchronizeOptions } from './synchronize.ts'

export interface SyncDirectoriesOptions
  extends Omit<IntroduceOptions, 'repository'>, Omit<SynchronizeOptions, 'onPulled'> {}

export interface DirectoriesSynchronized extends Synchronized {
  /** What the second side took in, one for each time; `pulled` is what the first did. */
  readonly pulledThere: readonly Pulled[]
}

/**
 * Makes two directories of this machine equal, whatever has changed in either since the last time, and has both remember
 * the other as a copy of one folder. What is not there is made, but not the directories above it. `mode` is seen
 * from the first.
 *
 * Rejects `limit`, with nothing done, when more would vanish on a side than `guard` allows; `exists` when they are
 * copies of different folders (unless `join`); `usage` when one lies in the other; `unavailable` when one was a copy
 * and is none any more.
 */
export async function syncDirectories(
  one: string,
  other: string,
  options: SyncDirectoriesOptions = {},
): Promise<DirectoriesSynchronized> {
  const { history, join, ...rest } = options
  const [own, theirs] = await befriend(resolve(one), peerAt(other, rest.mode), { history, join })
  const copy = await openCopy(await openIntroduced(own))
  try {
    const pulledThere: Pulled[] = []
    const onPulled = (pulled: Pulled): void => void pulledThere.push(pulled)
    const link = await linkDirectory(copy.replica, theirs, { ...rest, onPulled })
    try {
      return { ...(await synchronize(copy.replica, link.peer, rest)), pulledThere }
    } finally {
      await link.close()
    }
  } finally {
    await copy.close()
  }
}

export interface KeepDirectoriesOptions extends Omit<SyncDirectoriesOptions, 'signal'> {
  /** Ends it. */
  readonly signal: AbortSignal
  readonly onEvent?: ((event: KeepEvent) => void) | undefined
}

/** The same until `signal` is aborted: what changes on one side is on the other in a moment. */
export async function keepDirectoriesInStep(
  one: string,
  other: string,
  { history, join, mode = 'two-way', ...rest }: KeepDirectoriesOptions,
): Promise<void> {
  const peer = peerAt(other, mode)
  const [own, theirs] = await befriend(resolve(one), peer, { history, join })
  const open = async (): ReturnType<typeof openCopy> => openCopy(await openIntroduced(own), { watch: {} })
  await keepFolder(
    open,
    [
      {
        name: peer.name,
        mode,
        connect: (replica, options) =>
          linkDirectory(replica, theirs, { ...options, guard: rest.guard, watch: {} }),
      },
    ],
    rest,
  )
}

function peerAt(directory: string, mode: KnownPeer['mode'] = 'two-way'): KnownPeer {
  const place = resolve(directory)
  return { name: nameOfPlace(place), place, mode, readOnly: false }
}
