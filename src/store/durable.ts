import { closeSync, fsync, mkdirSync, openSync, readSync, statfsSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { systemCode, TidemarkError } from '../errors.ts'

const fsyncLater = promisify(fsync)

/** Larger calls are cut by the system (Linux: 2 GiB less a page) or refused by Node (2 GiB). */
const mostAtOnce = 1 << 30

/** Writes all of `bytes` at the current end of `file`: a write may take fewer bytes than it was given. */
export function writeFully(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    const written = writeSync(file, bytes, at, Math.min(bytes.length - at, mostAtOnce))
    if (written === 0) throw new TidemarkError('failed', `only ${at} of ${bytes.length} bytes were written`)
    at += written
  }
}

/** Fills `bytes` from byte `start` of `file` on; returns how many there were. */
export function readFully(file: number, bytes: Uint8Array, start: number): number {
  let at = 0
  while (at < bytes.length) {
    const read = readSync(file, bytes, at, Math.min(bytes.length - at, mostAtOnce), start + at)
    if (read === 0) break
    at += read
  }
  return at
}

/** Resolves when what was written to `file` survives a power cut. The event loop goes on meanwhile. */
export async function syncFile(file: number): Promise<void> {
  await fsyncLater(file)
}

/** Resolves when the names made in, or removed from, the directory `path` survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = openSync(path, 'r')
  try {
    await fsyncLater(directory)
  } catch (error) {
    // Some network file systems know no such call: their directories are as durable as they get.
    const code = systemCode(error)
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error
  } finally {
    closeSync(directory)
  }
}

/**
 * Resolves when `file`, which was made in `directory` just now, survives a power cut, its name with it. POSIX asks for
 * a call for each; but where forcing a new file to the disk does the same for its name, the second would cost another
 * commit of the file system's journal.
 */
export async function syncNewFile(file: number, directory: string): Promise<void> {
  const both = namesComeAlong.has(statfsSync(directory).type)
  await Promise.all([syncFile(file), ...(both ? [] : [syncDirectory(directory)])])
}

/** statfs(2) of ext4 (with a journal or without), XFS, Btrfs and tmpfs: see docs/decisions/0206. */
const namesComeAlong: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994])

/**
 * Makes the directory `path` and those above it that lack; returns the directories that have a new entry,
 * from the top down, for the caller to sync. Directories that were there are left as they are.
 *
 * Not mkdir's own `recursive`: on a read-only disk it reports that nothing is there (ENOENT).
 */
export function makeDirectories(path: string, mode: number): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return []
  const parent = dirname(path)
  const changed = parent === path ? [] : makeDirectories(parent, mode)
  return makeDirectory(path, mode) ? [...changed, parent] : changed
}

/** Makes one directory; false when it, or anything else of that name, was there already. */
export function makeDirectory(path: string, mode: number): boolean {
  try {
    mkdirSync(path, mode)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}
