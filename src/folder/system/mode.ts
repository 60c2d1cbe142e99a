import { chmodSync, closeSync, constants, fchmodSync, fstatSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import { childPath, displayPath } from './paths.ts'
import { refusal } from './refusal.ts'

/** Linux: a descriptor that only points at an entry. It takes no right to read it and wakes no device. */
const O_PATH = 0o10000000

/**
 * Sets the 12 bits of `mode` on the entry `name` of any kind but a symbolic link, which is refused with
 * `conflict` (it has none of its own). A chmod by path would follow one that is swapped in. Where there is
 * no /proc the entry must be open to reading.
 */
export function setMode(directory: DirectoryHandle, name: Name, mode: number): void {
  const fd = directory.open(name, directory.raceFree ? O_PATH : constants.O_RDONLY)
  try {
    if (fstatSync(fd).isSymbolicLink()) {
      const path = displayPath(childPath(directory.location, name))
      throw new TidemarkError('conflict', `set mode of ${path}: it has become a symbolic link`)
    }
    if (directory.raceFree) chmodSync(`/proc/self/fd/${fd}`, mode)
    else fchmodSync(fd, mode)
  } catch (error) {
    throw refusal(error, 'set mode of', childPath(directory.location, name))
  } finally {
    closeSync(fd)
  }
}
