import type { Name } from '../../bytes/name.ts'
import type { ScanWatch } from '../scan/scan.ts'

/** What a watcher tells. All of it is a hint: a change may be told of late, several times, or never. */
export interface Hints {
  /**
   * Something changed in this directory (a path from the root): its entry `name`, which may be gone; or, where
   * none is told, anything, or the directory itself.
   */
  changed(directory: Name, name?: Name): void
  /** Changes were lost, or `rules`: what belongs to the folder may be something else now. */
  everything(why: 'lost' | 'rules'): void
  /** The system does not let all directories be watched. */
  blind(message: string): void
}

/**
 * Watches the directories of one folder. It is led to them by scans, so that just what is part of the folder
 * is watched, and each directory from before its names are read: nothing falls between the two. Does not
 * keep the process running.
 */
export interface FolderWatcher extends ScanWatch {
  /** How many directories are watched. */
  readonly directories: number
  /** A scan begins. It will enter all directories, or some. */
  begin(whole: boolean): void
  /** The scan has ended well: what it left, or did not enter though it entered all, is watched no longer. */
  end(): void
  close(): void
}

/** Begins to watch the folder at `root`, still without any of its directories. Never throws. */
export type OpenWatcher = (root: string, hints: Hints) => FolderWatcher
