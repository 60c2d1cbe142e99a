import type { Name } from '../../bytes/name.ts'
import { syncFileSystem } from '../system/durability.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { SystemPath } from '../system/paths.ts'
import type { OpenDirectories } from './open-directories.ts'

/**
 * Makes everything written to the file systems of `directories` durable: one call for each file system.
 * Where there is no such call, `one` is called to sync file by file.
 */
export function syncDevices(directories: OpenDirectories, paths: Iterable<Name>, one: () => void): void {
  const done = new Set<bigint>()
  for (const path of paths) {
    const device = directories.device(path)
    if (done.has(device)) continue
    done.add(device)
    if (!syncFileSystem(pathOf(directories.get(path)), [])) return one()
  }
}

function pathOf(handle: DirectoryHandle): SystemPath {
  return handle.raceFree ? `/proc/self/fd/${handle.fd}` : handle.location
}
