import { corrupt, TidemarkError } from '../errors.ts'
import { decodeList, type ContentItem, type ContentRef } from '../object/content.ts'
import { idToHex, type Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'

/** Something with a content: a file's entry, for one. */
export interface Sized {
  readonly size: number
  readonly content?: ContentRef | undefined
}

/** A piece of a content and where it begins. */
export interface PlacedItem extends ContentItem {
  readonly start: number
}

export interface RangeOptions extends CallOptions {
  /** First byte; 0 by default. */
  readonly start?: number | undefined
  /** Behind the last byte; the size by default, and at most. */
  readonly end?: number | undefined
}

/** A piece whose parts may still have to be read: of level 0 it is a chunk or a hole. */
interface Part extends PlacedItem {
  readonly level: number
}

/**
 * The chunks and holes of a content in order, those that touch the range. Lists outside of it are not read.
 * Rejects `corrupt` when lists do not add up to what stands above them, `missing` when the content is
 * marked as unreadable.
 */
export async function* contentItems(
  store: Store,
  content: Sized,
  options: RangeOptions = {},
): AsyncGenerator<PlacedItem> {
  const { signal, start = 0, end = content.size } = options
  if (content.size === 0) return
  if (content.content === undefined)
    throw new TidemarkError('missing', 'this content could not be read when the snapshot was taken')
  const { id, depth } = content.content
  // What is still to come, the next one last: at most one list a level.
  const parts: Part[] = [{ start: 0, length: content.size, id, level: depth }]
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    if (part.start >= end) return
    if (part.start + part.length <= start) continue
    if (part.level === 0 || part.id === undefined) {
      yield { start: part.start, length: part.length, id: part.id }
      continue
    }
    const items = decodeList(await store.get(part.id, { signal }), part.level)
    checkSum(items, part.length, part.id)
    let behind = part.start + part.length
    for (const item of items.toReversed()) {
      behind -= item.length
      parts.push({ start: behind, length: item.length, id: item.id, level: part.level - 1 })
    }
  }
}

function checkSum(items: readonly ContentItem[], expected: number, id: Id): void {
  let sum = 0
  for (const { length } of items) sum += length
  if (sum !== expected)
    throw corrupt(`content list ${idToHex(id)}`, `adds up to ${sum} bytes instead of ${expected}`)
}
