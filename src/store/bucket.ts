/**
 * What a repository stands on: named byte strings in one flat space. A bucket never looks into the bytes.
 *
 * Names are one or more parts of `[a-z0-9._-]+`, joined by `/`; no part begins with a dot or has more than
 * 255 characters, the whole no more than 1024, and the first part is not `tmp`. Every implementation refuses
 * other names with `usage`, so that none can leave its place. A name must not be the beginning of another
 * up to a `/`: where buckets are directories there is room for one of them only.
 *
 * Every method may be called concurrently and repeated, and rejects with a `TidemarkError`: `usage`,
 * `missing`, `corrupt`, `denied`, `full`, `timeout`, `unavailable`, `cancelled` (its signal) or `failed`.
 * Listing and reading are strongly consistent: what was put before a call began is seen by it.
 */
export interface Bucket {
  /**
   * The bytes of `name`, or those of `range` (which must lie within them, else `corrupt`: the content is
   * shorter than promised). Rejects `missing` when there is no such name.
   */
  get(name: string, options?: GetOptions): Promise<Uint8Array>

  /**
   * Stores `bytes` under `name`, replacing what was there. Once resolved they survive a power cut. Until
   * then, and whatever interrupts it, a reader sees all of the old bytes or all of the new ones. `bytes`
   * must not be changed before it resolves. After `timeout` or `cancelled` it may still take place later.
   */
  put(name: string, bytes: Uint8Array, options?: WriteOptions): Promise<void>

  /**
   * Names that begin with `prefix` (any text that begins a name), each once, in no particular order.
   * Names put or deleted meanwhile may or may not appear; all others do.
   */
  list(prefix: string, options?: CallOptions): AsyncIterable<BucketEntry>

  /** Removes `name`, durably. Resolves as well when there is none. */
  delete(name: string, options?: WriteOptions): Promise<void>
}

export interface BucketEntry {
  readonly name: string
  /** Bytes. */
  readonly size: number
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface WriteOptions extends CallOptions {
  /** It need not survive a power cut, for nobody whom it concerns will: waiting for the disk may be left out. */
  readonly fleeting?: boolean | undefined
}

export interface GetOptions extends CallOptions {
  /** Bytes `start` to `end`, `end` not included. */
  readonly range?: { readonly start: number; readonly end: number } | undefined
}
