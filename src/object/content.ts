import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { readId, writeId } from './id.ts'
import type { Id } from './id.ts'

/**
 * Where some content begins. `depth` 0: `id` is the one chunk that holds it. Otherwise `id` is a list node
 * with `depth` levels of lists from itself down to the chunks. Empty content has no reference at all.
 */
export interface ContentRef {
  readonly depth: number
  readonly id: Id
}

/** A piece of a file's content in order: a chunk, or (without an id) a hole that reads as zeros. */
export interface ContentItem {
  /** Bytes of the file that it stands for; more than 0. */
  readonly length: number
  readonly id: Id | undefined
}

/** 256^6 items of one byte are far beyond any file; a deeper reference is hostile. */
export const maxDepth = 6

/** First byte of a list node; the second is its level: 1 lists chunks, n lists nodes of level n - 1. */
const listMark = 0x11

/** A node ends after an item whose id's first byte is 0 (one in 256), and at the latest with this many. */
const maxItems = 1024

/** A list node is smaller than this. */
export const maxNodeSize: number = 2 + maxItems * (32 + 8)

/** Stores a list node and returns its id. */
export type Emit = (node: Uint8Array<ArrayBuffer>) => Id

/**
 * Builds the lists over `items`, bottom up. Where a list is cut depends on the ids only, so a change in the
 * middle of a long file leaves most nodes as they were. Adjacent holes become one.
 */
export function buildContent(items: readonly ContentItem[], emit: Emit): ContentRef | undefined {
  // Most files are one chunk.
  if (items.length === 1 && items[0]!.id !== undefined) return { depth: 0, id: items[0]!.id }
  let level = 0
  let current = [...joinHoles(items)]
  if (current.length === 0) return undefined
  // A lone hole still needs a list to say so.
  while (current.length > 1 || current[0]!.id === undefined) {
    level++
    if (level > maxDepth) throw new RangeError('content has too many chunks')
    current = buildLevel(current, level, emit)
  }
  return { depth: level, id: current[0]!.id }
}

function* joinHoles(items: Iterable<ContentItem>): Iterable<ContentItem> {
  let hole = 0
  for (const item of items) {
    if (item.id === undefined) {
      hole += item.length
      continue
    }
    if (hole > 0) yield { length: hole, id: undefined }
    hole = 0
    yield item
  }
  if (hole > 0) yield { length: hole, id: undefined }
}

function buildLevel(items: readonly ContentItem[], level: number, emit: Emit): ContentItem[] {
  const nodes: ContentItem[] = []
  const writer = new Writer(4096)
  let count = 0
  let length = 0
  for (const [index, item] of items.entries()) {
    if (count === 0) writer.u8(listMark).u8(level)
    writer.varint(item.length * 2 + (item.id === undefined ? 1 : 0))
    if (item.id !== undefined) writeId(writer, item.id)
    count++
    length += item.length
    const cut = item.id?.charCodeAt(0) === 0 || count === maxItems
    if (cut || index === items.length - 1) {
      nodes.push({ length, id: emit(writer.finish()) })
      writer.reset()
      count = 0
      length = 0
    }
  }
  return nodes
}

/** The items of one list node, which must be of `level`. Throws `corrupt`. */
export function decodeList(bytes: Uint8Array, level: number): ContentItem[] {
  const reader = new Reader(bytes, 'content list')
  if (reader.u8() !== listMark) throw reader.fail('not a content list')
  if (reader.u8() !== level) throw reader.fail(`not a list of level ${level}`)
  const items: ContentItem[] = []
  let previousHole = false
  while (reader.remaining > 0) {
    if (items.length === maxItems) throw reader.fail('too many items')
    const tagged = reader.varint()
    const hole = tagged % 2 === 1
    const length = Math.floor(tagged / 2)
    if (length === 0) throw reader.fail('item without length')
    if (hole && (level > 1 || previousHole)) throw reader.fail('misplaced hole')
    items.push({ length, id: hole ? undefined : readId(reader) })
    previousHole = hole
  }
  if (items.length === 0) throw reader.fail('empty list')
  return items
}
