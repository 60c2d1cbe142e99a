import type { Neighbour } from '../folder/apply/thread-sources.ts'
import type { ContentRef } from '../object/content.ts'
import type { Id } from '../object/id.ts'
import type { FilledBlock } from '../store/block-source.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Head } from './head.ts'
import type { Report } from './report.ts'

/** A chunk that is asked for, of a tree or of a file. */
export interface Want {
  readonly id: Id
  /** One that the asking side has, and that may be much like it: an older version. It may be sent as a difference from that. */
  readonly like?: Id | undefined
  /** It is not to come in a block. */
  readonly alone?: boolean | undefined
  /** It only helps to send another: not worth a search. */
  readonly spare?: boolean | undefined
}

/** What came for a wish: its bytes, whose hash has been checked; undefined when the other side does not have it. */
export interface Arrival {
  readonly id: Id
  readonly bytes: Uint8Array | undefined
}

export interface FetchBlocksOptions extends CallOptions {
  /** What becomes of blocks: those that are made for this, and are to be kept, are compressed as in a repository. */
  readonly blocks: 'opened' | 'kept'
  /** Whether the way is long enough that it is worth it to compress what is only to be opened. Not when left out. */
  readonly isFar?: (() => boolean) | undefined
}

export interface HeadOptions extends CallOptions {
  /** Wait until the newest snapshot is another than this, but at most `waitMs` milliseconds. */
  readonly after?: Id | undefined
  readonly waitMs?: number | undefined
}

/**
 * Another replica of the same folder, as one that syncs with it sees it; near or far. Both sides see each other
 * as one, and calls may go both ways at once.
 *
 * Every method rejects with a `TidemarkError`: `unavailable` when the other side is out of reach or has closed,
 * `timeout`, `denied` for what it does not allow, `cancelled`, `corrupt` when it says what cannot be, and
 * otherwise what it rejected there.
 */
export interface Peer {
  /** What to call it in messages. */
  readonly name: string
  /** Which copy it is: 32 hexadecimal digits; undefined while that is not known. */
  readonly device?: string | undefined

  /** Its newest snapshot; it looks at its files first, unless it is told of changes as they happen. */
  head(options?: HeadOptions): Promise<Head>

  /**
   * Those of its snapshots that came before both (or are one of them), the last ones: none of the answer came
   * before another of it.
   */
  bases(one: Head, other: Head, options?: CallOptions): Promise<readonly Head[]>

  /** Where its working files are, if they are on this machine and may be read straight from there. */
  readonly neighbour?: (() => Promise<Neighbour | undefined>) | undefined

  /** Chunks, in the order in which they are wished for, which may go on while they arrive. */
  fetch(wants: AsyncIterable<readonly Want[]>, options?: CallOptions): AsyncIterable<readonly Arrival[]>

  /**
   * The same for many: some may come in blocks, each at the turn of the first of its chunks. Whether a block holds what it
   * is said to hold nobody has looked at: for a chunk that is not in it the peer is to be asked once more, by `fetch`. Its
   * memory is that of whoever gets it.
   */
  readonly fetchBlocks?:
    | ((
        wants: AsyncIterable<readonly Want[]>,
        options: FetchBlocksOptions,
      ) => AsyncIterable<readonly (Arrival | FilledBlock)[]>)
    | undefined

  /**
   * Asks it to take in `head`, a snapshot of this side: to fetch what it lacks from here, and to merge if it has
   * gone on by itself. Resolves with its newest snapshot then, which is `head` unless it merged.
   */
  offer(head: Head, options?: CallOptions): Promise<Head>

  /** Those of these snapshots that it has. Undefined when it cannot be asked. */
  readonly snapshots?: ((ids: readonly Id[], options?: CallOptions) => Promise<readonly Head[]>) | undefined

  /** How it stands there. Undefined when it cannot be asked. */
  readonly report?: ((options?: CallOptions) => Promise<Report | undefined>) | undefined

  /**
   * Which nodes of the tree at `root`, which is the other side's, are not among those of `have`: learnt from a
   * sketch in two or three round trips, at a cost that grows with the difference, where to go through the tree takes as many as it is
   * deep. Undefined when it cannot be asked. What is told is not proven: nodes may be left out.
   */
  readonly missingNodes?:
    | ((
        root: ContentRef,
        have: AsyncIterable<readonly Id[]>,
        options?: CallOptions,
      ) => AsyncIterable<readonly Id[]>)
    | undefined
}
