import type { Name } from '../../bytes/name.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import type { SystemPath } from '../../folder/system/paths.ts'
import type { TidemarkError } from '../../errors.ts'

/**
 * A way to the files of an origin. It knows nothing of indexes, and believes nothing it is told: what it brings
 * is to be checked by whoever asked for it.
 *
 * Paths are relative to the top of the tree, parts joined by `/`, without `.`, `..` and empty parts: whoever
 * asks has made sure of that. Both methods may be called again, and `read` concurrently.
 */
export interface Transport {
  /** Where it leads, for messages: without passwords. */
  readonly name: string
  /** Whether a range of a file costs less than the file. Where not, `range` and `guard` are ignored. */
  readonly ranged: boolean
  /** Whether the other side has heeded `wait` when it was asked last: then there is no need to ask again and again. */
  readonly waits?: boolean | undefined
  /**
   * Opens one file: an index, a head, a sketch. Rejects `unavailable` or `timeout` when the origin is out of
   * reach, `denied` when it will not give the file, `cancelled`; what reading it meets comes out of `body`.
   */
  read(path: Name, options?: ReadOptions): Promise<Reading | 'missing' | 'same' | 'changed'>
  /**
   * Brings the contents of items into the directory `into`, in any order, several at a time. Every item is
   * answered exactly once; what is wrong with one is an answer, not an exception. Rejects as `read` does when
   * nothing more is to be had. The directory is the caller's, used by one call at a time; what a call that was
   * cut short leaves in it makes a later one shorter.
   */
  fetch(items: readonly Wanted[], into: DirectoryHandle, options?: FetchOptions): AsyncIterable<Fetched>
  /** Gives back connections. Nothing may be called after it. */
  close(): Promise<void>
}

export interface ReadOptions {
  /** The state that is known already: `same` is the answer while the file has it. */
  readonly known?: string | undefined
  /** Seconds that the other side may wait with its answer, while the file has the state `known`. */
  readonly wait?: number | undefined
  /** These bytes alone; `end` exclusive, and may lie beyond the end of the file. */
  readonly range?: { readonly start: number; readonly end: number } | undefined
  /** It is expected to have a few kilobytes at most. */
  readonly isShort?: boolean | undefined
  /** The state that the file must still have: `changed` is the answer when it has another. */
  readonly guard?: string | undefined
  /** A file that is much like it, for transports that send differences. */
  readonly basis?: SystemPath | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Reading {
  /** Names this state of the file, for `known` and `guard`; undefined where there is no telling. */
  readonly state: string | undefined
  /**
   * It changed so short a time ago that a further change might not show in `state`: web servers make it of whole
   * seconds. It still guards ranges, whose bytes are checked.
   */
  readonly fresh: boolean
  /** Bytes of the whole file, where it is told. */
  readonly size: number | undefined
  /** Where `body` begins in the file: not at the range asked for where the other side knows no ranges. */
  readonly start: number
  readonly mtimeNs: bigint | undefined
  /** To be read or returned: an open body holds a connection. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Files up to so many bytes may be answered with their content. */
export const smallFile: number = 256 * 1024

/** An item whose content is asked for. */
export interface Wanted {
  readonly path: Name
  /** What the index says of it, when it does: no byte beyond `size` is taken. */
  readonly size?: number | undefined
  /** SHA-256 of the content, 32 bytes. Names what an earlier call has left. */
  readonly hash?: Uint8Array | undefined
  /** What stands here for it already: when the origin's is no newer, the answer is `same`. */
  readonly have?: { readonly size: number; readonly mtimeNs: bigint } | undefined
}

export interface FetchOptions {
  /** How many are fetched at a time, at most. */
  readonly jobs?: number | undefined
  /** Told of each piece that has come: content and what goes with it. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** The answer for one item. */
export type Fetched = { readonly wanted: Wanted } & (
  | {
      readonly outcome: 'file'
      /** Where in `into` its content is: the parts of a path. */
      readonly staged: readonly Name[]
      /** SHA-256 of what came, where the transport has seen it pass. */
      readonly hash?: Uint8Array | undefined
      readonly mtimeNs?: bigint | undefined
      /** Nine permission bits. */
      readonly mode?: number | undefined
    }
  /** A small file, which has not been written anywhere. */
  | {
      readonly outcome: 'content'
      readonly content: Uint8Array
      readonly hash: Uint8Array
      readonly mtimeNs?: bigint | undefined
      readonly mode?: number | undefined
    }
  | { readonly outcome: 'symlink'; readonly target: Name }
  | { readonly outcome: 'directory' }
  /** What stands here is the origin's. */
  | { readonly outcome: 'same' }
  /** The origin does not have it (any more). */
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'failed'; readonly error: TidemarkError }
)
