import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from './bucket.ts'
import { throwIfCancelled } from './call.ts'
import { missingChunk, type Store } from './store.ts'

/**
 * Several stores in a row, the nearest first: a chunk comes from the first that gives it. A store that
 * fails, be it out of reach or with a chunk that is corrupt, is passed over.
 *
 * When none gives the chunk, `missing` is only said if every store said so. Otherwise the error has the
 * code of the first failure, and the failures of all as its cause: the one, or an AggregateError.
 */
export class LayeredStore implements Store {
  readonly #stores: readonly Store[]

  constructor(stores: readonly Store[]) {
    this.#stores = stores
  }

  async get(id: Id, options: CallOptions = {}): Promise<Uint8Array> {
    const failures: TidemarkError[] = []
    for (const store of this.#stores) {
      throwIfCancelled(options.signal, 'read a chunk')
      try {
        return await store.get(id, options)
      } catch (error) {
        if (!isTidemarkError(error, 'missing')) failures.push(passedOver(error, options))
      }
    }
    throw whatFailed(failures) ?? missingChunk(id, `none of ${this.#stores.length} stores has it`)
  }

  /** Asks each store only for what those before it have not. */
  async has(ids: readonly Id[], options: CallOptions = {}): Promise<Set<Id>> {
    throwIfCancelled(options.signal, 'look for chunks')
    const failures: TidemarkError[] = []
    const found = new Set<Id>()
    let wanted = ids
    for (const store of this.#stores) {
      if (wanted.length === 0) break
      try {
        for (const id of await store.has(wanted, options)) found.add(id)
        wanted = wanted.filter((id) => !found.has(id))
      } catch (error) {
        failures.push(passedOver(error, options))
      }
    }
    const failure = whatFailed(failures)
    if (wanted.length > 0 && failure !== undefined) throw failure
    return found
  }
}

/** The error as one to pass over; thrown again when it is not of that kind. */
function passedOver(error: unknown, { signal }: CallOptions): TidemarkError {
  if (!isTidemarkError(error) || signal?.aborted === true) throw error
  return error
}

function whatFailed(failures: readonly TidemarkError[]): TidemarkError | undefined {
  const first = failures[0]
  if (first === undefined) return undefined
  const cause = failures.length === 1 ? first : new AggregateError(failures)
  return new TidemarkError(first.code, failures.map(({ message }) => message).join('; '), { cause })
}
