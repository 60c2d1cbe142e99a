import {
  general,
  sameKey,
  sha256,
  type Ids,
  type Profile,
  type SetIndex,
  type SetRoot,
  type Sketch,
  type SketchKey,
} from '../reconcile/index.ts'
import type { Serialize } from './index-items.ts'

type Awaitable<T> = T | Promise<T>

export interface Epoch {
  readonly salt: Uint8Array
  readonly profile: Profile
  /** How many cells are kept. */
  readonly size: number
}

/**
 * A set that answers for itself: what a server needs to serve it, and what the SQL adapters implement. Methods
 * may be called concurrently, and the set may change between two calls: whoever asks checks the root in the end.
 */
export interface ServedSet {
  root(): Awaitable<SetRoot>
  /** The sketch that is kept ready; undefined when there is none and each request must name a salt. */
  readonly epoch?: Epoch | undefined
  /** The first `size` cells under `key`. */
  sketch(key: SketchKey, profile: Profile, size: number): Awaitable<Sketch>
  /** The bytes of the items with these ids, in order; undefined for those that are not here (any more). */
  items(key: SketchKey, ids: Ids): Awaitable<(Uint8Array | undefined)[]>
  /** The ids of all items, in any order. */
  ids(key: SketchKey): Awaitable<Ids>
}

/** Serves an index. With `keep`, one sketch is kept up to date as the index changes, and ready at any time. */
export class ServedIndex<T> implements ServedSet {
  readonly #index: SetIndex<T>
  readonly #serialize: Serialize<T>
  #kept: Sketch | undefined

  constructor(index: SetIndex<T>, serialize: Serialize<T>) {
    this.#index = index
    this.#serialize = serialize
  }

  /**
   * Opens an epoch: from now on a sketch of `size` cells is kept up to date. Its salt follows from the set's
   * root, so ids that somebody has prepared to disturb decoding serve for one epoch at most.
   */
  openEpoch(size: number, profile: Profile = general): void {
    if (this.#kept !== undefined) this.#index.release(this.#kept)
    this.#kept = this.#index.keep({ salt: epochSalt(this.#index.root), size, profile })
  }

  get epoch(): Epoch | undefined {
    if (this.#kept === undefined) return undefined
    const { key, profile, size } = this.#kept
    return { salt: key.salt, profile, size }
  }

  root(): SetRoot {
    return this.#index.root.clone()
  }

  sketch(key: SketchKey, profile: Profile, size: number): Sketch {
    const kept = this.#kept
    if (kept !== undefined && kept.profile === profile && kept.size >= size && sameKey(kept.key, key)) {
      return kept.prefix(size)
    }
    return this.#index.sketch({ salt: key, profile, size })
  }

  items(key: SketchKey, ids: Ids): (Uint8Array | undefined)[] {
    return Array.from({ length: ids.length / 2 }, (_, at) => {
      const entry = this.#index.find(key, ids[2 * at]!, ids[2 * at + 1]!)
      return entry < 0 ? undefined : this.#serialize(this.#index.item(entry))
    })
  }

  ids(key: SketchKey): Ids {
    return this.#index.ids(key)
  }
}

const epochLabel = new TextEncoder().encode('tidemark epoch')

function epochSalt(root: SetRoot): Uint8Array {
  const seed = new Uint8Array(epochLabel.length + 40)
  seed.set(epochLabel)
  seed.set(root.sum(), epochLabel.length)
  new DataView(seed.buffer).setBigUint64(epochLabel.length + 32, BigInt(root.count), true)
  return sha256(seed).slice(0, 16)
}
