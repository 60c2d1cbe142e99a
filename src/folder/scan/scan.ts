import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { Id } from '../../object/id.ts'
import type { Ingest } from '../ingest/ingest.ts'
import type { StateLeaf } from '../state.ts'
import type { LeafRecord } from './assembly.ts'

/** Something that a snapshot could not keep as it is. */
export interface Problem {
  readonly path: Name
  /**
   * `unreadable`: its content is missing from the snapshot; `unstable`: it changed each time it was read;
   * `lost-metadata`: some of its metadata could not be read.
   */
  readonly code: 'unreadable' | 'unstable' | 'lost-metadata'
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
   * When given, only these directories (paths from the root) are looked at, and new ones found there;
   * everything else is taken to be as it was.
   */
  readonly only?: ReadonlySet<Name> | undefined
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
