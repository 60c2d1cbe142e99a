import type { Name } from '../../bytes/name.ts'
import { joinPath } from '../../tree/path.ts'
import { OpenDirectories } from '../apply/open-directories.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { readStat } from '../system/file-stat.ts'
import { childPath } from '../system/paths.ts'
import type { Below } from './assembly.ts'
import { belowOf } from './directory.ts'
import { KnownLeaf, type Known } from './known-leaf.ts'
import { LeftOut } from './left-out.ts'
import type { ScanWork } from './scan-work.ts'

/** A directory that is remembered, and may be found again under another name. */
interface Remembered {
  readonly path: Name
  readonly below: Below
}

/**
 * Directories that are no longer where they were, told by their inode when they are met elsewhere: what is remembered of
 * the files in them holds for them there, so that they need not be read again. It is a hint: each file is compared
 * with what is remembered of it as ever. Those that are not met again are forgotten at the end.
 */
export class MovedDirectories {
  readonly #work: ScanWork
  readonly #byInode = new Map<bigint, Remembered>()
  readonly #passed = new Set<Name>()
  readonly #gathered = new Set<Name>()

  constructor(work: ScanWork) {
    this.#work = work
  }

  /** The directory at `path` is gone, and what is remembered of it with it, unless it comes to light again. */
  note(path: Name, known: Known): void {
    if (this.#work.options.memory.rename === undefined) return this.#work.forget(path)
    this.#remember(path, known)
    this.#passed.add(path)
  }

  #remember(path: Name, { entry, ino }: Known): void {
    if (entry.kind === 'directory' && !entry.unreadable && ino !== 0n)
      this.#byInode.set(ino, { path, below: belowOf(entry) })
  }

  /**
   * What is remembered of a directory that is met for the first time at the path `to`, in the directory `parent`;
   * undefined when nothing is. From now on it is remembered of `to`.
   */
  find(ino: bigint, parent: Name, to: Name): Below | undefined {
    const { memory, only, watch, root, carry } = this.#work.options
    if (memory.rename === undefined) return undefined
    // Whoever moved it has told already.
    for (const _ of memory.leaves(to)) return undefined
    for (const directory of [parent, ...(only ?? [])]) this.#gather(directory)
    const found = this.#byInode.get(ino)
    if (found === undefined) return undefined
    this.#byInode.delete(ino)
    const { path, below } = found
    // It may have been met only because of a mount.
    const there = readStat(path.split('/').reduce(childPath, root))
    if (there !== undefined && BigInt.asIntN(64, there.ino) === ino) return undefined
    if (carry !== undefined && this.#hasLeftOut(path, to)) return undefined
    memory.rename(path, to)
    watch?.leave(path)
    return below
  }

  /** Whether some of it is, or was, left out: that does not move, for it stands elsewhere if anywhere. */
  #hasLeftOut(from: Name, to: Name): boolean {
    const { excluded, carry, root, memory } = this.#work.options
    const directories = new OpenDirectories(openDirectory(root))
    const leftOut = new LeftOut(directories, { excluded, selected: carry?.selected })
    const isIn = (from: Name, to: Name): boolean => {
      for (const stored of memory.leaves(from)) {
        const leaf = new KnownLeaf(stored)
        for (const { cursor } = leaf; cursor.valid; cursor.next()) {
          const { isDirectory } = cursor
          const [old, now] = [joinPath(from, cursor.name), joinPath(to, cursor.name)]
          const isOut = leftOut.has(old, isDirectory) || leftOut.has(now, isDirectory)
          if (isOut || leaf.isElsewhere || (isDirectory && isIn(old, now))) return true
        }
      }
      return false
    }
    try {
      return isIn(from, to)
    } finally {
      directories.close()
      directories.root.close()
    }
  }

  /** What stands behind it in the walk has not been passed yet. */
  #gather(directory: Name): void {
    if (this.#gathered.has(directory)) return
    this.#gathered.add(directory)
    for (const stored of this.#work.options.memory.leaves(directory)) {
      const leaf = new KnownLeaf(stored)
      for (const { cursor } = leaf; cursor.valid; cursor.next())
        if (cursor.isDirectory) this.#remember(joinPath(directory, cursor.name), leaf.known())
    }
  }

  /** The walk has ended. */
  settle(): void {
    for (const path of this.#passed) this.#work.forget(path)
  }
}
