import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { Store } from '../store/store.ts'

/** `store` for what snapshots name: what it does not give is damage, and `verify` says more of it. */
export function sayDamaged(store: Store): Store {
  const get: Store['get'] = async (id, options) => {
    try {
      return await store.get(id, options)
    } catch (error) {
      if (!isTidemarkError(error, 'missing', 'corrupt')) throw error
      throw new TidemarkError('corrupt', `${error.message} (see: tidemark verify)`, { cause: error })
    }
  }
  return { get, has: (ids, options) => store.has(ids, options) }
}

/** `store` where contents are in the working files only: what it does not give they have no longer. */
export function sayNotKept(store: Store): Store {
  const get: Store['get'] = async (id, options) => {
    try {
      return await store.get(id, options)
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
      const problem = 'its content is not kept (init --history none), and the folder has it no longer'
      throw new TidemarkError('missing', problem, { cause: error })
    }
  }
  return { get, has: (ids, options) => store.has(ids, options) }
}
