import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { StateLeaf } from '../state.ts'
import type { FileStat } from '../system/file-stat.ts'
import { isRoundedTime } from '../system/rounded-time.ts'

/**
 * How a scan treats what this copy of a folder leaves out and other copies have: it stays in the tree as the last
 * snapshot has it, so that it never looks like something that was deleted.
 */
export interface Carry {
  /** Whether a path is one that this copy holds (or leads to one); everything without it. */
  readonly selected?: ((path: Name, isDirectory: boolean) => boolean) | undefined
  /** What was left out when the folder went on to another snapshot. */
  readonly left?: LeftEntries | undefined
  /** What is in a directory of the last snapshot that was not here, as of something that was not here either. */
  readonly unfold: (directory: DirectoryEntry) => Promise<readonly StateLeaf[]>
  /** Owners cannot be set here: those of the last snapshot stay. */
  readonly keepsOwners: boolean
}

/**
 * What is remembered, in the place of an inode and a time of change, of an entry that was never here. Nothing that
 * is there shows these.
 */
export const elsewhere = { ino: 0n, ctimeNs: 1n } as const

/** Entries of a tree that were left out of the working files, or removed from it. */
export class LeftEntries {
  readonly #directories = new Map<Name, Map<Name, Entry | undefined>>()

  /** `entry` undefined: the tree has nothing there any more. */
  set(directory: Name, name: Name, entry: Entry | undefined): void {
    const known = this.#directories.get(directory)
    if (known) known.set(name, entry)
    else this.#directories.set(directory, new Map([[name, entry]]))
  }

  of(directory: Name): ReadonlyMap<Name, Entry | undefined> | undefined {
    return this.#directories.get(directory)
  }

  get directories(): Iterable<Name> {
    return this.#directories.keys()
  }
}

/** Whether what is there may be what `entry` says, though it was not seen to be put there. */
export function mayBe(entry: Entry, stat: FileStat): boolean {
  const kind = stat.kind === 'character' || stat.kind === 'block' ? `${stat.kind}-device` : stat.kind
  return (
    kind === entry.kind &&
    // What is in a directory is looked at by itself.
    (kind === 'directory' || isRoundedTime(entry.mtimeNs, stat.mtimeNs)) &&
    (entry.kind !== 'file' || entry.size === stat.size)
  )
}
