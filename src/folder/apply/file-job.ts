import type { Name } from '../../bytes/name.ts'
import type { Entry, FileEntry, Kind } from '../../object/entry.ts'
import { kindOf } from '../scan/new-entry.ts'
import type { PlacedStat } from '../scan/placed.ts'
import type { FileStat } from '../system/file-stat.ts'
import type { ProblemCode } from './problem.ts'

/** What the plan saw at a path. */
export interface Seen {
  readonly kind: Kind
  /** Of a file; 0 for others. */
  readonly size: number
  readonly mtimeNs: bigint
}

/** A file to be written into a directory that is there. */
export interface FileJob {
  readonly directory: Name
  readonly entry: FileEntry
  /** What stands there and may be replaced; undefined when nothing may stand there. Never a directory. */
  readonly seen: Seen | undefined
  /** What stands there may hold the right bytes already: then it only gets its metadata. */
  readonly check: boolean
}

export interface FileResult {
  /** `kept`: it held the right bytes, and got its metadata; `right`: these were right, too. */
  readonly status: 'written' | 'kept' | 'right' | 'failed'
  /** About this file, in order. */
  readonly problems: readonly (readonly [ProblemCode, string])[]
  /** What stands there now, where that was asked for and is known. */
  readonly placed?: PlacedStat | undefined
}

/** Called once for each job, when its path holds the new content, or never will. */
export type OnResult = (result: FileResult) => void

/** Where files are sent to be written. */
export interface FileSink {
  /** Takes a job. When it returns a promise, await it before submitting more. */
  submit(job: FileJob, onResult: OnResult): Promise<void> | undefined
  /** Resolves when every result has been given. */
  drain(): Promise<void>
  /** The same; then its threads end. */
  finish(): Promise<void>
  /** Gives up at once; removes what is unfinished. */
  abort(): Promise<void>
}

/** Whether what stands there now can be what the plan saw. */
export function isAsSeen(now: FileStat | undefined, seen: Seen | undefined): boolean {
  if (now === undefined || seen === undefined) return now === undefined && seen === undefined
  return (
    kindOf[now.kind] === seen.kind &&
    now.mtimeNs === seen.mtimeNs &&
    (now.kind !== 'file' || now.size === seen.size)
  )
}

/**
 * Whether nothing about a file has changed between two looks at its name. When it has or had several names,
 * giving or taking one of the others counts as a change too; as this may be our own doing, only its content
 * counts then.
 */
export function isSameState(a: FileStat | undefined, b: FileStat | undefined): boolean {
  if (a === undefined || b === undefined) return a === undefined && b === undefined
  return (
    a.ino === b.ino &&
    a.dev === b.dev &&
    (a.ctimeNs === b.ctimeNs || a.nlink > 1 || b.nlink > 1) &&
    a.mtimeNs === b.mtimeNs &&
    a.size === b.size
  )
}

export const changedMeanwhile = 'someone else changed it meanwhile: left as it is'

/** What a later look is compared with. */
export function seenOf(entry: Entry): Seen {
  return { kind: entry.kind, size: entry.kind === 'file' ? entry.size : 0, mtimeNs: entry.mtimeNs }
}
