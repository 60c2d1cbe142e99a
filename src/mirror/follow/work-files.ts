import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { fromSystem, TidemarkError } from '../../errors.ts'
import { openDirectory, type DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { displayPath } from '../../folder/system/paths.ts'
import { ownDirectory } from '../../recent/index.ts'
import { fromDatabase, isBusyDatabase } from '../../store/database-error.ts'
import { sqlite } from '../../store/sqlite.ts'

/** The bookkeeping of a mirror: what stands in `DIR/.tidemark`. */
export interface WorkFiles {
  readonly state: string
  /** Copies of indexes that are not in their places yet. */
  readonly indexes: string
  /** Contents on their way. */
  readonly incoming: DirectoryHandle
  readonly root: DirectoryHandle
  close(): void
}

/** Makes what lacks, and takes the lock: one mirror works on a directory at a time (`busy`). */
export function openWorkFiles(directory: string): WorkFiles {
  try {
    mkdirSync(directory, { recursive: true })
    // With a dot behind it the directory itself may be a link.
    const root = openDirectory(`${directory}/.`)
    const own = join(directory, ownDirectory)
    for (const path of [own, join(own, 'indexes'), join(own, 'incoming')]) makeOwn(path)
    const lock = takeLock(join(own, 'mirror.lock'), directory)
    const incoming = openDirectory(join(own, 'incoming'))
    return {
      state: join(own, 'mirror.db'),
      indexes: join(own, 'indexes'),
      incoming,
      root,
      close() {
        incoming.close()
        root.close()
        lock.close()
      },
    }
  } catch (error) {
    throw fromSystem(error, `open the mirror ${displayPath(directory)}`)
  }
}

function makeOwn(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

/** A transaction as a lock: the system gives it back when the process dies, however. */
function takeLock(path: string, directory: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new (sqlite().DatabaseSync)(path, { timeout: 0 })
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if (!isBusyDatabase(error)) throw fromDatabase(error, `open ${displayPath(path)}`, path)
    const what = `${displayPath(directory)}: another process is mirroring into it`
    throw new TidemarkError('busy', what, { cause: error })
  }
}

/** Removes contents that nothing waits for any more; `keep` says which names may be gone on with. */
export function clearIncoming({ incoming }: WorkFiles, keep: (name: string) => boolean): void {
  const path = incoming.raceFree ? `/proc/self/fd/${incoming.fd}` : String(incoming.location)
  for (const name of readdirSync(path)) {
    if (!keep(name)) rmSync(join(path, name), { recursive: true, force: true })
  }
}
