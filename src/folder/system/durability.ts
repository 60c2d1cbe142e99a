import { closeSync, constants, fsyncSync, openSync, statfsSync } from 'node:fs'
import { fromSystem } from '../../errors.ts'
import { callFailed, libc } from './libc.ts'
import { displayPath, systemPath, type SystemPath } from './paths.ts'

/** FUSE writes out what the kernel holds, but does not ask its server to make it durable. */
const FUSE_TYPE = 0x65735546

/**
 * Makes everything written so far to the file system that holds `path` (a directory or a file that can be
 * read) durable: content, directories, renames. For a batch of files this is one wait where an fsync of each
 * would be as many; but it waits for what other programs have written there too, so for a few files fsync is
 * the better call. It blocks, and tells of disk errors from Linux 5.8 on.
 *
 * Where there is no such call, or it would not do, each of `descriptors` is synced instead and the answer is
 * false. They are all files written and directories changed, and may be a generator that opens each in turn.
 */
export function syncFileSystem(path: SystemPath, descriptors: Iterable<number>): boolean {
  const system = libc()
  const target = systemPath(path)
  try {
    if (system === undefined || statfsSync(target).type === FUSE_TYPE) {
      for (const fd of descriptors) fsyncSync(fd)
      return false
    }
    const fd = openSync(target, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      if (system.syncfs(fd) !== 0) throw callFailed('sync the file system of', system.errno(), target)
    } finally {
      closeSync(fd)
    }
    return true
  } catch (error) {
    throw fromSystem(error, `make ${displayPath(target)} durable`)
  }
}
