import { sha256, type SetIndex, type SketchKey } from '../reconcile/index.ts'
import type { Push } from './wire.ts'

export interface AcceptOptions<T> {
  readonly deserialize: (bytes: Uint8Array) => T
  readonly digest?: (bytes: Uint8Array) => Uint8Array
}

/** For `HandlerOptions.accept`: takes what clients push straight into an index. */
export function acceptInto<T>(
  index: SetIndex<T>,
  options: AcceptOptions<T>,
): (push: Push, key: SketchKey) => void {
  const { deserialize, digest = sha256 } = options
  return ({ added, removed }, key) => {
    // Everything is decoded first: a bad item must not leave half of a push behind.
    const items = added.map((bytes) => ({ digest: digest(bytes), item: deserialize(bytes) }))
    const entries = index.resolve(key, removed).removed.map((entry) => index.digest(entry))
    for (const entry of entries) index.delete(entry)
    for (const { digest, item } of items) index.add(digest, item)
  }
}
