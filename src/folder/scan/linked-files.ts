import type { Name } from '../../bytes/name.ts'
import type { Entry } from '../../object/entry.ts'
import type { FileStat } from '../system/file-stat.ts'

/** A file with several names: the first met, and the entry that it got, once that is known. */
export interface LinkedFile {
  readonly path: Name
  /** Calls back with the first name's entry, at once or later; with undefined when the file has vanished. */
  whenKnown(use: (entry: Entry | undefined) => void): void
  settle(entry: Entry | undefined): void
}

/** The files with several names that a scan has met, by device and inode. */
export class LinkedFiles {
  readonly #files = new Map<string, LinkedFile>()

  get any(): boolean {
    return this.#files.size > 0
  }

  /** What was noted of the file; undefined when this is its first name, at `path`. It is noted then. */
  meet(stat: FileStat, path: Name): { first: LinkedFile; isFirst: boolean } {
    const key = `${stat.dev}:${stat.ino}`
    const known = this.#files.get(key)
    if (known) return { first: known, isFirst: false }
    const file = linkedFile(path)
    this.#files.set(key, file)
    return { first: file, isFirst: true }
  }
}

function linkedFile(path: Name): LinkedFile {
  let settled = false
  let known: Entry | undefined
  let waiting: ((entry: Entry | undefined) => void)[] = []
  return {
    path,
    whenKnown(use) {
      if (settled) use(known)
      else waiting.push(use)
    },
    settle(entry) {
      settled = true
      known = entry
      for (const use of waiting) use(entry)
      waiting = []
    },
  }
}
