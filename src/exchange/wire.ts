import { toHex } from '../bytes/hex.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { decodeIds, encodeIds, idLength, SetRoot, type Ids } from '../reconcile/index.ts'

/** The bodies of docs/format/sketch.md, "Exchange", beside sketches themselves. */

/** The tag that stands for a root: 64 digits of its sum and the number of items. */
export function rootTag(root: SetRoot): string {
  return `"${toHex(root.sum())}-${root.count}"`
}

/** Items in the order they were asked for: 0 for one that is not there, else length + 1 and the bytes. */
export function writeItem(writer: Writer, item: Uint8Array | undefined): void {
  if (item === undefined) writer.varint(0)
  else writer.varint(item.length + 1).raw(item)
}

export function readItem(reader: Reader): Uint8Array | undefined {
  const length = reader.varint()
  return length === 0 ? undefined : new Uint8Array(reader.take(length - 1))
}

/** Reads at most `limit` items, to the end of the body. */
export function decodeItems(bytes: Uint8Array, limit: number): (Uint8Array | undefined)[] {
  const reader = new Reader(bytes, 'list of items')
  const items: (Uint8Array | undefined)[] = []
  while (reader.remaining > 0) {
    if (items.length === limit) throw reader.fail(`more than the ${limit} items that were asked for`)
    items.push(readItem(reader))
  }
  return items
}

/** What one holder sends to make another's set equal to its own. */
export interface Push {
  readonly added: readonly Uint8Array[]
  /** Ids, under the salt of the request, of items to take out. */
  readonly removed: Ids
}

export function encodePush(push: Push): Uint8Array<ArrayBuffer> {
  const writer = new Writer(1024)
  writer.varint(push.added.length)
  for (const item of push.added) writer.prefixed(item)
  return writer.raw(encodeIds(push.removed)).finish()
}

export function decodePush(bytes: Uint8Array): Push {
  const reader = new Reader(bytes, 'push')
  const count = reader.varint()
  // Each item has at least the byte of its length, so no claim can ask for more room than was sent.
  if (count > reader.remaining) throw reader.fail(`${count} items cannot follow`)
  const added = Array.from({ length: count }, () => reader.prefixed(reader.remaining))
  return { added, removed: decodeIds(reader.take(reader.remaining)) }
}

/** The answer to a sketch that was sent to be compared. */
export type Comparison =
  | { readonly kind: 'equal' }
  /** The difference was too large for the cells sent: send about so many. */
  | { readonly kind: 'more'; readonly cells: number }
  | {
      readonly kind: 'difference'
      /** The answering set's root. */
      readonly root: SetRoot
      /** What only the answering set has: ids, and the items themselves when they are small. */
      readonly added: Ids
      readonly items: (Uint8Array | undefined)[]
      /** Ids of what only the asking set has. */
      readonly removed: Ids
    }

export function encodeComparison(comparison: Comparison): Uint8Array<ArrayBuffer> {
  const writer = new Writer(256)
  if (comparison.kind === 'equal') return writer.u8(0).finish()
  if (comparison.kind === 'more') return writer.u8(1).varint(comparison.cells).finish()
  const { root, added, items, removed } = comparison
  writer.u8(2).raw(root.sum()).varint(root.count)
  writer.varint(items.length).raw(encodeIds(added))
  for (const item of items) writeItem(writer, item)
  return writer.raw(encodeIds(removed)).finish()
}

export function decodeComparison(bytes: Uint8Array): Comparison {
  const reader = new Reader(bytes, 'comparison')
  const kind = reader.u8()
  if (kind === 0) {
    reader.end()
    return { kind: 'equal' }
  }
  if (kind === 1) {
    const cells = reader.varint()
    reader.end()
    return { kind: 'more', cells }
  }
  if (kind !== 2) throw reader.fail(`unknown answer ${kind}`)
  const sum = reader.take(32)
  const root = SetRoot.of(reader.varint(), sum)
  const count = reader.varint()
  if (count * idLength > reader.remaining) throw reader.fail(`${count} ids cannot follow`)
  const added = decodeIds(reader.take(count * idLength))
  const items = Array.from({ length: count }, () => readItem(reader))
  return { kind: 'difference', root, added, items, removed: decodeIds(reader.take(reader.remaining)) }
}
