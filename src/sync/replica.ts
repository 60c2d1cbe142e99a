import type { Problem } from '../folder/apply/problem.ts'
import type { ApplyCounts } from '../folder/apply/apply.ts'
import type { ArrivingBlocks } from '../folder/apply/arriving-blocks.ts'
import type { Neighbour } from '../folder/apply/thread-sources.ts'
import type { Id } from '../object/id.ts'
import type { PackChunk } from '../object/pack.ts'
import type { SealedBlock } from '../object/sealed-block.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import type { Head } from './head.ts'

/**
 * One copy of a folder that can take part in sync: a folder on a disk, or a stand-in for one. Its methods may be
 * called at any time, also at once; what must not happen at the same time it puts in a row itself.
 */
export interface Replica {
  /** 32 hexadecimal digits: the folder, the same on all peers, and this copy of it. */
  readonly folder: string
  readonly device: string
  /** What people call the machine. */
  readonly host: string
  /** All chunks of trees and contents that it can give, old versions included. */
  readonly store: Store

  /** Where its working files are, if they are in a local directory. */
  neighbour?(): Promise<Neighbour | undefined>

  /** Looks at the working files, and takes a snapshot when they have changed. Resolves with the newest. */
  capture(options?: CallOptions): Promise<Head>

  /**
   * A snapshot that it holds; undefined when it does not. The working files are not looked at.
   */
  snapshot(id: Id, options?: CallOptions): Promise<Head | undefined>

  /** What it set out for last and did not reach; undefined when there is nothing of the kind. */
  pending?(options?: CallOptions): Promise<Pending | undefined>

  /**
   * Puts what is in its newest snapshot, is to be here and is not (a rule or a selection has left it out until now)
   * into its working files, from what it has and from `others`. Undefined when there is nothing of the kind.
   */
  fill?(others: Store, options?: CallOptions): Promise<Filled | undefined>

  /** What of its newest snapshot is not here though it is to be, and what is here and could not be read. */
  problems?(): readonly Problem[]

  /** Frees what room it can: what was fetched and is of no use. */
  free?(options?: CallOptions): Promise<void>

  /** What it set out for is given up: nothing of it is in its files, nor was it told to anybody. */
  giveUp?(pending: Pending, options?: CallOptions): Promise<void>

  /** Is told that it and another copy have a snapshot in common: what both do from then on is merged on that. */
  noteCommon?(device: string, head: Head): Promise<void>

  /** Resolves when the newest snapshot is, or may be, another than `after`; at the latest after `waitMs` milliseconds. */
  changed?(after: Id, waitMs: number, options?: CallOptions): Promise<void>

  /** Those of its snapshots that came before both, the last ones (see `Peer.bases`). */
  bases(one: Head, other: Head, options?: CallOptions): Promise<readonly Head[]>

  /** Begins to take in something. Close it when done: until then what is put stays, though nothing names it yet. */
  receive(options?: CallOptions): Promise<Receipt>
}

/**
 * A replica was killed on its way from one snapshot to another, or something stood in its way. What it did of it stands
 * in its files as if somebody had edited them: only merged with where it was to go does it show what was meant.
 */
export interface Pending {
  readonly from: Head
  readonly to: Head
}

/** One taking in of something: first what it needs is put here, then the working files are moved on to it. */
export interface Receipt extends Store {
  /** Whether contents are kept too. If not, they are not put, and `advance` gets them from its source. */
  readonly keepsContents: boolean

  /** What is found at once, where the rest has to be searched for: all trees and lists, and some contents. */
  readonly near?: Store | undefined

  /** A search takes as long as to fetch so many bytes. */
  readonly searchWorth?: number | undefined

  putTree(id: Id, bytes: Uint8Array): Promise<void> | undefined
  putContent(id: Id, bytes: Uint8Array): Promise<void> | undefined

  /** The same for all that is in a block, in its order: it may be kept as it is. Only where contents are kept. */
  putBlock?(block: SealedBlock, chunks: readonly PackChunk[]): Promise<void> | undefined

  /** Keeps a snapshot of others, whose trees have been put, as one that may come before two that are to be merged. */
  putSnapshot?(head: Head): Promise<void>

  /**
   * Makes the working files what `to` says, which comes after `from`, and the newest snapshot `to`. All trees of `to`
   * have been put or were there; contents are taken from `source`, which has all that can be had.
   *
   * Each file is looked at just before it is replaced, and left alone if it is not as `from` says: what could not be
   * done is in `problems`, and the newest snapshot is then one after `from` with what was done. Rejects `conflict`,
   * with nothing done, when `from` is not the newest snapshot any more.
   */
  advance(from: Head, to: Head, source: Store, options?: AdvanceOptions): Promise<Advance>

  close(): Promise<void>
}

export interface AdvanceOptions extends CallOptions {
  /** A working copy on this machine in which contents that are not here can be read. */
  readonly neighbour?: Neighbour | undefined
  /** Contents that are on their way to the source, in blocks. */
  readonly arriving?: ArrivingBlocks | undefined
  /** Called for each entry that has been seen to, with the bytes written for it. */
  readonly onDone?: ((bytes: number) => void) | undefined
}

/** What was put where something was missing, and what could not be. */
export interface Filled {
  readonly counts: ApplyCounts
  readonly problems: readonly Problem[]
}

/** What became of it. */
export interface Advance {
  /** The newest snapshot now: `to`, or one after it if files changed meanwhile, or one after `from` if something failed. */
  readonly head: Head
  /** `to` is the newest snapshot or came before it: everything was done. */
  readonly done: boolean
  readonly counts: ApplyCounts
  readonly problems: readonly Problem[]
}
