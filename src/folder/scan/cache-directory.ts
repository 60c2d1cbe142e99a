import { closeSync, constants, readSync } from 'node:fs'
import type { DirectoryHandle } from '../system/directory-handle.ts'

/** A directory with a file of this name that begins so holds only what can be made again (bford.info/cachedir). */
export const cacheTag = 'CACHEDIR.TAG'
const signature = 'Signature: 8a477f597d28d172789f06886806bc55'

/** Whether the file `CACHEDIR.TAG` in `directory` marks it as a cache. */
export function isCacheDirectory(directory: DirectoryHandle): boolean {
  let file
  try {
    file = directory.open(cacheTag, constants.O_RDONLY)
    const start = Buffer.alloc(signature.length)
    return readSync(file, start) === start.length && start.toString('latin1') === signature
  } catch {
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
