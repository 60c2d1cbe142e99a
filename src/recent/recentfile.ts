import type { Epoch } from './epoch.ts'
import type { RecentEvent } from './event.ts'

/** One index file: what happened in the tree within an interval, newest first, and what to know about it. */
export interface Recentfile {
  readonly meta: Meta
  /** Epochs strictly decrease and no path comes twice in what we write; what was read may differ. */
  readonly events: readonly RecentEvent[]
}

/** A value of the meta block. Numbers are text, for they may be epochs. */
export type MetaValue = string | readonly MetaValue[] | { readonly [key: string]: MetaValue }

export interface Meta {
  /** 0: the document is a bare list of events, and all below comes from elsewhere. */
  readonly protocol: 0 | 1
  /** `1h`…; '' where the file does not say (protocol 0: its name does). */
  readonly interval: string
  /** The intervals of the files that this one is merged into, in any order. */
  readonly aggregator: readonly string[]
  /** What the names of all index files of a tree begin with: RECENT. */
  readonly filenameroot: string
  /** `.yaml` or `.json`. */
  readonly suffix: string
  /** Changes when epochs of the past were written: whoever relied on coverage begins anew. */
  readonly dirtymark?: Epoch | undefined
  readonly merged?: Merged | undefined
  readonly minmax?: MinMax | undefined
  readonly comment?: string | undefined
  readonly canonize?: string | undefined
  /** Who wrote it: `$0`, `time`, versions. */
  readonly producers: Readonly<Record<string, string>>
  /** All other keys, kept as they are. */
  readonly others: Readonly<Record<string, MetaValue>>
}

/** How far a file was merged into the next longer one. All are absent in `{}`: not at all. */
export interface Merged {
  /** The newest epoch of the longer file when that was done. */
  readonly epoch?: Epoch | undefined
  readonly intoInterval?: string | undefined
  readonly time?: Epoch | undefined
}

export interface MinMax {
  readonly max?: Epoch | undefined
  readonly min?: Epoch | undefined
  /** Whole seconds: of the file when it was last read before it was written. */
  readonly mtime?: string | undefined
}
