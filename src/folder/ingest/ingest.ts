import type { FileJob, FileResult } from './job.ts'

/** A file that is to be read. */
export interface Waiting extends FileJob {
  /** Called once, some time after it was submitted. */
  done(result: FileResult): void
}

/** Where a scan sends the files that have to be read. */
export interface Ingest {
  /** Takes a file. It is never done before this returns. When it returns a promise, await it. */
  submit(file: Waiting): Promise<void> | undefined
  /** Resolves when every result has been given. */
  drain(): Promise<void>
  /** The same, and everything read is in the repository's packs, durably. Its threads end. */
  finish(): Promise<void>
  /** Gives up at once. */
  abort(): Promise<void>
}
