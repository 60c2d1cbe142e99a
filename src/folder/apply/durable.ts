import { closeSync, constants, openSync, statfsSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { syncFileSystem } from '../system/durability.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import { libc } from '../system/libc.ts'
import { displayPath, type SystemPath } from '../system/paths.ts'
import type { OpenDirectories } from './open-directories.ts'

/** FUSE does not pass the call on that makes a whole file system durable. */
const FUSE_TYPE = 0x65735546

/**
 * Makes everything written to the file systems of the directories `paths` durable: one call for each file
 * system. Where there is no such call, `one` is called to sync file by file.
 */
export function syncDevices(directories: OpenDirectories, paths: Iterable<Name>, one: () => void): void {
  for (const path of oneOfEach(directories, paths)) {
    if (!syncFileSystem(pathOf(directories.get(path)), [])) return one()
  }
}

/** The same; this thread goes on meanwhile, where that can be done. */
export async function syncDevicesLater(
  directories: OpenDirectories,
  paths: Iterable<Name>,
  one: () => void,
): Promise<void> {
  const system = libc() as { readonly syncfs: AsyncSync } | undefined
  if (system?.syncfs.async === undefined) return syncDevices(directories, paths, one)
  for (const path of oneOfEach(directories, paths)) {
    const handle = directories.get(path)
    if (statfsSync(pathOf(handle)).type === FUSE_TYPE) return one()
    // A descriptor of its own: that of the handle may be closed, and its number used again, meanwhile.
    const fd = openSync(`${String(pathOf(handle))}/.`, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await syncLater(system.syncfs, fd, handle)
    } finally {
      closeSync(fd)
    }
  }
}

/** As koffi makes calls: each can run on a thread of its own as well. */
interface AsyncSync {
  async?(fd: number, done: (error: unknown, result: number) => void): void
}

function syncLater(call: AsyncSync, fd: number, { location }: DirectoryHandle): Promise<void> {
  return new Promise((resolve, reject) => {
    call.async?.(fd, (error, result) => {
      const what = `make ${displayPath(location)} durable: the disk failed`
      if (!error && result === 0) resolve()
      else reject(new TidemarkError('failed', what, { cause: error }))
    })
  })
}

function oneOfEach(directories: OpenDirectories, paths: Iterable<Name>): Iterable<Name> {
  const found = new Map<bigint, Name>()
  for (const path of paths) {
    const device = directories.device(path)
    if (!found.has(device)) found.set(device, path)
  }
  return found.values()
}

function pathOf(handle: DirectoryHandle): SystemPath {
  return handle.raceFree ? `/proc/self/fd/${handle.fd}` : handle.location
}
