import type { DirectoryEntry } from '../../src/object/entry.ts'
import type { MemoryStore } from '../../src/store/memory-store.ts'
import { mergeTrees, type Merged, type MergeOptions } from '../../src/sync/merge/merge-trees.ts'

/** Whatever a merge makes goes into the store that it reads from. */
export function putInto(store: MemoryStore): MergeOptions {
  return { put: (id, bytes) => store.put(id, bytes), putContent: (id, bytes) => store.put(id, bytes) }
}

/** The merge of two trees, `left` of the host `one` and `right` of the host `two`. */
export function mergeIn(
  store: MemoryStore,
  base: DirectoryEntry | undefined,
  left: DirectoryEntry,
  right: DirectoryEntry,
  [one, two]: readonly [string, string] = ['one', 'two'],
): Promise<Merged> {
  const sides = {
    left: { root: left, host: one, device: one },
    right: { root: right, host: two, device: two },
  }
  return mergeTrees(store, { base, ...sides }, putInto(store))
}
