import { compareNames, type Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { DirectoryComparison, type Difference } from '../../tree/compare-directories.ts'

/** What stands under one name in three directories. */
export interface Three {
  readonly name: Name
  readonly base: Entry | undefined
  readonly left: Entry | undefined
  readonly right: Entry | undefined
}

/**
 * The names at which `left` or `right` is not as `base`, in order; without a base, those at which they differ.
 * What none of them has changed is skipped unread, as far as it stands in pieces that are shared.
 */
export async function* compareThree(
  store: Store,
  base: DirectoryEntry | undefined,
  left: DirectoryEntry,
  right: DirectoryEntry,
  options: CallOptions,
): AsyncGenerator<Three> {
  if (base === undefined) {
    const both = new Differences(store, left, right, options)
    for (let one = await both.take(); one !== undefined; one = await both.take())
      yield { name: nameOf(one), base: undefined, left: one.before, right: one.after }
    return
  }
  const ours = new Differences(store, base, left, options)
  const theirs = new Differences(store, base, right, options)
  for (;;) {
    const [a, b] = [await ours.peek(), await theirs.peek()]
    if (a === undefined && b === undefined) return
    const order = a === undefined ? 1 : b === undefined ? -1 : compareNames(nameOf(a), nameOf(b))
    const old = (order <= 0 ? a : b)!
    if (order <= 0) await ours.take()
    if (order >= 0) await theirs.take()
    yield {
      name: nameOf(old),
      base: old.before,
      left: order <= 0 ? a?.after : old.before,
      right: order >= 0 ? b?.after : old.before,
    }
  }
}

/** The differences of two directories, one at a time. */
class Differences {
  readonly #comparison: DirectoryComparison
  #batch: readonly Difference[] | undefined = []
  #next = 0

  constructor(store: Store, before: Entry, after: Entry, options: CallOptions) {
    this.#comparison = new DirectoryComparison(store, before, after, options)
  }

  async peek(): Promise<Difference | undefined> {
    if (this.#batch?.length === this.#next) {
      this.#batch = await this.#comparison.next()
      this.#next = 0
    }
    return this.#batch?.[this.#next]
  }

  async take(): Promise<Difference | undefined> {
    const difference = await this.peek()
    this.#next++
    return difference
  }
}

function nameOf({ before, after }: Difference): Name {
  return (before ?? after)!.name
}
