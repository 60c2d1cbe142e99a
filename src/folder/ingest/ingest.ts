import type { FileJob, FileResult } from './job.ts'

/** Called once for each file, some time after it was submitted. */
export type OnResult = (result: FileResult) => void

/** Where a scan sends the files that have to be read. */
export interface Ingest {
  /** Takes a file. `onResult` is never called before this returns. When it returns a promise, await it. */
  submit(job: FileJob, onResult: OnResult): Promise<void> | undefined
  /** Resolves when every result has been given. */
  drain(): Promise<void>
  /** The same, and everything read is in the repository's packs, durably. Its threads end. */
  finish(): Promise<void>
  /** Gives up at once. */
  abort(): Promise<void>
}

export interface Waiting {
  readonly job: FileJob
  readonly onResult: OnResult
}
