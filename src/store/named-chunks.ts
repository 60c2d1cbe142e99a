import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { Store } from './store.ts'

/**
 * `store` for chunks that its own snapshots name: that it lacks one is damage, whatever it was wanted for. Rejects
 * `corrupt` where `store` rejects `missing`; else it is the same.
 */
export function namedChunks(store: Store): Store {
  const get: Store['get'] = async (id, options) => {
    try {
      return await store.get(id, options)
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
      throw new TidemarkError('corrupt', error.message, { cause: error })
    }
  }
  return { get, has: (ids, options) => store.has(ids, options) }
}
