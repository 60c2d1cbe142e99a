import { statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fromSystem, isTidemarkError, systemCode, TidemarkError } from '../errors.ts'
import { openFolder, settleDevice } from '../folder/folder.ts'
import type { Folder } from '../folder/folder.ts'
import { ownDirectory } from '../folder/own-directory.ts'
import { settingsName } from '../folder/settings.ts'
import type { Bucket } from '../store/bucket.ts'
import { openBucket } from '../store/open-bucket.ts'
import { Repository } from '../store/repository/repository.ts'
import type { Context } from './context.ts'
import { Place } from './place.ts'

/** The folder of --folder, or the one that the working directory is in. To be closed. */
export function openContextFolder(context: Context): Promise<Folder> {
  const { folder, repository, of } = context.options
  if (of !== undefined && repository === undefined) {
    const problem = '--of chooses a folder in a repository: it goes with --repository'
    return Promise.reject(new TidemarkError('usage', problem))
  }
  if (repository !== undefined) {
    const problem = 'this works on a folder, not on a bare repository: leave --repository out'
    return Promise.reject(new TidemarkError('usage', problem))
  }
  const start = folder ?? context.workingDirectory
  return openFolder(start).catch((error: unknown) => {
    if (isTidemarkError(error, 'missing')) checkReadable(start)
    throw error
  })
}

/** The same for those that record something: one that was copied with its bookkeeping is a device of its own. */
export async function openOwnFolder(context: Context): Promise<Folder> {
  return settleDevice(await openContextFolder(context))
}

/** Throws `denied` when the bookkeeping of a folder that `path` is in is closed to this user: it seems not to be there. */
function checkReadable(path: string): void {
  for (let at = resolve(path); ; at = dirname(at)) {
    const own = join(at, ownDirectory)
    try {
      statSync(join(own, settingsName), { throwIfNoEntry: false })
    } catch (error) {
      if (systemCode(error) === 'EACCES') throw fromSystem(error, `open ${own}/${settingsName}`)
    }
    if (dirname(at) === at) return
  }
}

/**
 * The repository of --repository, or else the folder one stands in, with its repository. To be disposed of.
 */
export async function openPlace(context: Context): Promise<Place> {
  const { repository, folder: directory } = context.options
  if (repository === undefined) {
    const folder = await openContextFolder(context)
    try {
      return new Place(context, await folder.repository(), folder)
    } catch (error) {
      folder.close()
      throw error
    }
  }
  if (directory !== undefined) {
    throw new TidemarkError(
      'usage',
      '--folder and --repository exclude each other (a folder knows its repository)',
    )
  }
  try {
    return new Place(context, await Repository.open(await openBucket(repository), { signal: context.signal }))
  } catch (error) {
    if (!isTidemarkError(error, 'missing')) throw error
    throw new TidemarkError('missing', `${repository}: ${error.message}`, { cause: error })
  }
}

/** For commands that are about a repository as a whole. Throws `usage` for --of; `what` they do. */
export function refuseOf(context: Context, what: string): void {
  if (context.options.of === undefined) return
  throw new TidemarkError(
    'usage',
    `${what} the whole repository, not the snapshots of one folder: leave --of out`,
  )
}

/**
 * What the repository stands on, for those that look at one which may be too damaged to be opened; and what
 * it is called.
 */
export async function openContextBucket(context: Context): Promise<{ bucket: Bucket; name: string }> {
  const { repository } = context.options
  if (repository !== undefined) return { bucket: await openBucket(repository), name: repository }
  const folder = await openContextFolder(context)
  try {
    return { bucket: await openBucket(folder.place), name: folder.place }
  } finally {
    folder.close()
  }
}
