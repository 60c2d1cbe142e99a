import { TidemarkError } from '../errors.ts'
import type { Source } from '../exchange/source.ts'
import { checkLevel, highestLevel, localItems, type Summarizer } from './summarizer.ts'

export interface ResolveOptions<T> {
  readonly local: Source<T>
  readonly serialize: (item: T) => Uint8Array
  readonly remote: Summarizer
  readonly deserialize: (bytes: Uint8Array) => T
  /** Where to begin. 0 when left out, as mathsync's JavaScript did; its Java began at 1. */
  readonly startLevel?: number
  /** Where to give up, with `limit`. 22 when left out; mathsync never did. */
  readonly maxLevel?: number
  readonly signal?: AbortSignal
}

/** What to add to the local items, and what to remove from them, to have the remote ones. */
export interface Resolution<T> {
  readonly added: T[]
  readonly removed: T[]
}

/**
 * mathsync's resolver: asks for the remote summary of one level after another, takes the local items out of it,
 * and is done when what is left can be decoded. A server answers with its full content as soon as that is smaller,
 * so an honest one ends this long before `maxLevel`.
 */
export async function resolve<T>(options: ResolveOptions<T>): Promise<Resolution<T>> {
  const { remote, deserialize, startLevel = 0, maxLevel = highestLevel, signal } = options
  checkLevel(startLevel)
  checkLevel(maxLevel)
  const items = await localItems(options.local, options)()
  for (let level = startLevel; level <= maxLevel; level++) {
    if (signal?.aborted === true) {
      throw new TidemarkError('cancelled', 'Reconciliation was cancelled', { cause: signal.reason })
    }
    const difference = (await remote(level)).minusMany(items).toDifference()
    if (difference === undefined) continue
    return {
      added: difference.added.map((item) => deserialize(item)),
      removed: difference.removed.map((item) => deserialize(item)),
    }
  }
  throw new TidemarkError('limit', `The sets differ by more than level ${maxLevel} can tell`)
}
