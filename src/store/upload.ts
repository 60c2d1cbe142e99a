import type { Bucket } from './bucket.ts'

/** A put whose bytes come in parts and whose name is known only at the end. */
export interface Upload {
  /** Appends the parts; takes them at once, so they may be changed again. */
  write(parts: readonly Uint8Array[]): void
  /** Stores what was written under `name`, with all that `put` promises. */
  finish(name: string): Promise<void>
  /** Gives up: nothing remains. Does nothing once it has ended, well or not. */
  abort(): void
}

/** A bucket that takes large things in parts, so that they need not be in memory as a whole. */
export interface UploadBucket extends Bucket {
  upload(): Upload
}

export function canUpload(bucket: Bucket): bucket is UploadBucket {
  return 'upload' in bucket
}
