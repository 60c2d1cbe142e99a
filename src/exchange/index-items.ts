import { SetIndex, sha256 } from '../reconcile/index.ts'
import { itemsOf, throwIfCancelled, type Source } from './source.ts'

/** How items become bytes. Equal items must give equal bytes, and different items different bytes. */
export type Serialize<T> = (item: T) => Uint8Array

export interface IndexOptions<T> {
  readonly serialize: Serialize<T>
  /** SHA-256 of bytes. The built-in one does 2 million short items a second; `node:crypto` is faster on long ones. */
  readonly digest?: (bytes: Uint8Array) => Uint8Array
  readonly signal?: AbortSignal
}

/** Reads a source into an index. Items that repeat count once. */
export async function indexItems<T>(source: Source<T>, options: IndexOptions<T>): Promise<SetIndex<T>> {
  const { serialize, digest = sha256, signal } = options
  const index = new SetIndex<T>()
  // Arrays and the like are read without a turn of the event loop for each item.
  if (typeof source === 'object' && Symbol.iterator in source) {
    for (const item of source) {
      throwIfCancelled(signal)
      index.add(digest(serialize(item)), item)
    }
    return index
  }
  for await (const item of itemsOf(source, signal)) index.add(digest(serialize(item)), item)
  return index
}
