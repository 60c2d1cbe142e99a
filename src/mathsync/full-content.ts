import { TidemarkError } from '../errors.ts'
import { toHex } from '../bytes/hex.ts'
import { toBase64 } from './base64.ts'
import { compareItems, type Changes, type Summary } from './summary.ts'

type Items = ReadonlyMap<string, Uint8Array>

/** A summary that is the items themselves, for sets smaller than a filter would be. */
export class FullContent implements Summary {
  readonly #added: Items
  readonly #removed: Items

  constructor(added: Items = new Map(), removed: Items = new Map()) {
    this.#added = added
    this.#removed = removed
  }

  static of(changes: Changes): FullContent {
    return new FullContent(byKey(changes.added), byKey(changes.removed))
  }

  plus(...items: readonly Uint8Array[]): FullContent {
    return this.plusMany(items)
  }

  plusMany(items: Iterable<Uint8Array>): FullContent {
    const [added, removed] = [new Map(this.#added), new Map(this.#removed)]
    for (const item of items) move(item, removed, added)
    return new FullContent(added, removed)
  }

  minus(...items: readonly Uint8Array[]): FullContent {
    return this.minusMany(items)
  }

  minusMany(items: Iterable<Uint8Array>): FullContent {
    const [added, removed] = [new Map(this.#added), new Map(this.#removed)]
    for (const item of items) move(item, added, removed)
    return new FullContent(added, removed)
  }

  merge(other: Summary): FullContent {
    if (!(other instanceof FullContent)) {
      throw new TidemarkError('usage', 'A full content and a filter cannot be merged')
    }
    return this.plusMany(other.#added.values()).minusMany(other.#removed.values())
  }

  toDifference(): Changes {
    return { added: sorted(this.#added), removed: sorted(this.#removed) }
  }

  toJSON(): { added: string[]; removed: string[] } {
    return { added: sorted(this.#added).map(toBase64), removed: sorted(this.#removed).map(toBase64) }
  }
}

/** Takes an item out of one side, or else puts it on the other: each is there once at most. */
function move(item: Uint8Array, from: Map<string, Uint8Array>, to: Map<string, Uint8Array>): void {
  const key = toHex(item)
  if (!from.delete(key)) to.set(key, item)
}

function byKey(items: readonly Uint8Array[]): Items {
  return new Map(items.map((item) => [toHex(item), item]))
}

function sorted(items: Items): Uint8Array[] {
  return [...items.values()].toSorted(compareItems)
}
