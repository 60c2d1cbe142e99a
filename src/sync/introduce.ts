import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fromSystem, systemCode, TidemarkError } from '../errors.ts'
import { Folder, initFolder, renameFolder, settleDevice } from '../folder/folder.ts'
import { ownDirectory } from '../folder/own-directory.ts'
import { settingsName } from '../folder/settings.ts'
import type { FolderSettings } from '../folder/settings.ts'

export interface IntroduceOptions {
  /** What is kept in a folder that is made; as `initFolder` has it. */
  readonly history?: FolderSettings['history'] | undefined
  readonly repository?: string | undefined
  /** A directory that is another folder becomes a copy of this one. */
  readonly join?: boolean | undefined
}

/**
 * Makes `directory` a copy of the folder named `id`, or opens it as one; with no `id` it becomes a folder of its
 * own if it is none. The directory is made when there is none, but not those above it. What files it has stay: what
 * they have in common with the other copies is found out by the first sync. Close the folder when done.
 *
 * Rejects `exists` when the directory is another folder, unless `join` is set.
 */
export async function introduce(
  directory: string,
  id: string | undefined,
  options: IntroduceOptions = {},
): Promise<Folder> {
  makeLast(directory)
  const { history, repository } = options
  if (!isFolder(directory)) return initFolder(directory, { folder: id, history, repository })
  const folder = await settleDevice(await Folder.open(directory))
  if (id === undefined || folder.settings.folder === id) return folder
  if (options.join) return renameFolder(folder, id)
  folder.close()
  const problem = `${directory} is another folder, with a history of its own`
  const advice = 'with --join it becomes a copy of this one, and its old snapshots stay in its repository'
  throw new TidemarkError('exists', `${problem} (${advice})`)
}

/** Opens a folder for sync. Rejects `missing` when the directory is none. */
export async function openIntroduced(directory: string): Promise<Folder> {
  return settleDevice(await Folder.open(directory))
}

/** Whether the history of a directory is kept. */
export function isFolder(directory: string): boolean {
  return existsSync(join(directory, ownDirectory, settingsName))
}

/** Only the last part of the path: a disk that is not mounted must not be made up for by directories. */
function makeLast(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false }) !== undefined) return
  try {
    mkdirSync(directory)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fromSystem(error, `make ${directory}`)
    throw new TidemarkError('missing', `make ${directory}: there is no ${dirname(resolve(directory))}`, {
      cause: error,
    })
  }
}
