import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { Id } from '../../object/id.ts'
import type { Ingest } from '../ingest/ingest.ts'
import type { StateLeaf } from '../state.ts'
import type { SystemPath } from '../system/paths.ts'
import type { LeafRecord } from './assembly.ts'
import type { Carry } from './carry.ts'
import type { IgnoreRules } from './ignore-rules.ts'
import type { PlacedEntries } from './placed.ts'

/** Something that a snapshot could not keep as it is. */
export interface Problem {
  readonly path: Name
  /**
   * `unreadable`: its content is missing from the snapshot; `unstable`: it changed each time it was read;
   * `lost-metadata`: some of its metadata could not be read or kept; `not-here`: other copies of the folder have it, and
   * nothing leaves it out here, but it is not here: it stays in the tree as they have it.
   */
  readonly code: 'unreadable' | 'unstable' | 'lost-metadata' | 'not-here'
  readonly message: string
}

export interface ScanCounts {
  files: number
  directories: number
  /** Bytes of all files met, and of those that had to be read. */
  bytes: number
  read: number
}

/** What the last snapshot knew of the working files, and where this one's knowledge goes. */
export interface ScanMemory extends LeafRecord {
  leaves(directory: Name): Iterable<StateLeaf>
  deleteBelow(directory: Name): void
  /** What is remembered of a directory and all below it holds for another path instead. */
  rename?(from: Name, to: Name): void
}

/** A directory that a scan is about to read. */
export interface EnteredDirectory {
  readonly path: SystemPath
  /** Its path from the root. */
  readonly relative: Name
  readonly ino: bigint
}

/** Is led by scans to the directories whose changes matter. */
export interface ScanWatch {
  /** Begins to notice changes in a directory, or goes on. Called before its names are read. Does not throw. */
  enter(directory: EnteredDirectory): void
  /** In the directory just entered, what these rules leave out is of no interest. */
  heed(relative: Name, rules: IgnoreRules): void
  /** Whether all changes are noticed in the directory that has this path and this inode. */
  covers(relative: Name, ino: bigint): boolean
  /** A directory is gone, with all below it, or is not part of the folder any longer. */
  leave(relative: Name): void
}

export interface ScanOptions {
  /** The folder's real path. */
  readonly root: string
  /** The root's entry in the last snapshot, if the memory belongs to one. */
  readonly before: DirectoryEntry | undefined
  readonly memory: ScanMemory
  /** Where files go to be read. */
  readonly ingest: Ingest
  /** Stores a piece of a tree or list. */
  readonly put: (id: Id, bytes: Uint8Array) => Promise<void> | undefined
  /** Real paths that are not part of the folder: its own repository, when that lies inside. */
  readonly excluded: ReadonlySet<string>
  /** Do not enter other file systems mounted below the root. */
  readonly oneFileSystem?: boolean | undefined
  /**
   * When given, only these directories (paths from the root) are looked at, and what is found there to be
   * new or to have changed itself; everything else is taken to be as it was.
   */
  readonly only?: ReadonlySet<Name> | undefined
  readonly watch?: ScanWatch | undefined
  /** What was put there just now: its entries are taken as they were given, where nothing has changed since. */
  readonly placed?: PlacedEntries | undefined
  /** For a folder that is shared with others. */
  readonly carry?: Carry | undefined
  /** Files that were written just now are read soon: the folder is watched, and looked at again when they change. */
  readonly quick?: boolean | undefined
  readonly onProblem: (problem: Problem) => void
  readonly onProgress?: ((counts: ScanCounts) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ScanResult {
  readonly root: DirectoryEntry
  readonly counts: ScanCounts
  /** Some file has several names. A scan of only some directories could then not tell which is the first. */
  readonly linked: boolean
}
