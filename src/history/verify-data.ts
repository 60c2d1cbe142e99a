import { createHash } from 'node:crypto'
import { isTidemarkError } from '../errors.ts'
import { blockHeaderSize, decodeBlockHeader } from '../object/block.ts'
import { idOf } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import { checkPackHeader, packHeaderSize } from '../object/pack.ts'
import type { PackBlock, PackChunk } from '../object/pack.ts'
import type { SegmentBlock } from '../object/segment.ts'
import type { Bucket, CallOptions } from '../store/bucket.ts'
import { openPayload } from '../store/repository/block-payload.ts'
import { checkChunkTable } from '../store/repository/pack-reader.ts'
import { packName } from '../store/repository/place.ts'
import type { SegmentFile } from '../store/repository/segment-file.ts'
import type { Findings } from './finding.ts'

/** A pack is read in pieces of this many bytes; most are smaller and read at once. */
const windowSize = 32 * 1024 * 1024

/** Reads a pack of `size` bytes whole: what its name vouches for, each block, each chunk. */
export async function checkPackData(
  bucket: Bucket,
  pack: Id,
  size: number,
  blocks: readonly PackBlock[],
  findings: Findings,
  options?: CallOptions,
): Promise<void> {
  const name = packName(pack)
  const last = blocks.at(-1)
  const hash = new NameHash(last === undefined ? packHeaderSize : endOf(last))
  let damaged = 0
  let sameHeaders = true
  let chunks: Id[] = []
  const there = blocks.filter((block) => endOf(block) <= size)
  try {
    for (const { start, end, blocks } of pieces(there, size)) {
      const bytes = await bucket.get(name, { ...options, range: { start, end } })
      hash.update(bytes)
      for (const block of blocks) {
        const stored = bytes.subarray(block.offset - start, endOf(block) - start)
        const same = hasHeader(block, stored)
        const bad = badChunks(block, stored, same)
        sameHeaders &&= same
        if (bad.length > 0) damaged++
        chunks = chunks.concat(bad)
      }
    }
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return
    if (!isTidemarkError(error, 'corrupt', 'failed')) throw error
    damaged = there.length
    chunks = there.flatMap((block) => block.chunks.map(({ id }) => id))
  }
  if (hash.digest() === pack && sameHeaders && chunks.length === 0) return
  const message =
    damaged > 0
      ? `${chunks.length} chunks in ${damaged} of ${blocks.length} blocks are damaged`
      : `its bytes do not match its name, though every chunk ${there.length < blocks.length ? 'that is left ' : ''}is whole`
  const finding = findings.add('pack-damaged', name, message)
  for (const id of chunks) findings.loseCopy(id, pack, finding)
}

/** The hash that names a pack, over its bytes as they come: see `packId`. Of version 1 it is over all of them. */
class NameHash {
  readonly #hash = createHash('sha256')
  readonly #endAt: number
  #at = 0
  #whole = false

  /** `endAt` is where the footer begins. */
  constructor(endAt: number) {
    this.#endAt = endAt
  }

  update(bytes: Uint8Array): void {
    if (this.#at === 0) this.#whole = isFirstVersion(bytes)
    if (this.#whole) this.#hash.update(bytes)
    else {
      this.#hash.update(bytes.subarray(0, Math.max(0, packHeaderSize - this.#at)))
      this.#hash.update(bytes.subarray(Math.max(0, this.#endAt - this.#at)))
    }
    this.#at += bytes.length
  }

  digest(): Id {
    return this.#hash.digest('latin1')
  }
}

function isFirstVersion(bytes: Uint8Array): boolean {
  try {
    return checkPackHeader(bytes.subarray(0, packHeaderSize)) === 1
  } catch {
    return false
  }
}

interface PackPiece {
  readonly start: number
  readonly end: number
  /** Those that lie in it; each whole. */
  readonly blocks: PackBlock[]
}

/** Cuts a pack between blocks. */
function* pieces(blocks: readonly PackBlock[], size: number): Generator<PackPiece> {
  let piece = { start: 0, end: 0, blocks: [] as PackBlock[] }
  for (const block of blocks) {
    const end = endOf(block)
    if (piece.blocks.length > 0 && end - piece.start > windowSize) {
      yield piece
      piece = { start: piece.end, end: piece.end, blocks: [] }
    }
    piece.blocks.push(block)
    piece.end = end
  }
  // The footer, and for a pack without known blocks all of it.
  do {
    const end = Math.min(size, Math.max(piece.end, piece.start + windowSize))
    yield { ...piece, end }
    piece = { start: end, end, blocks: [] }
  } while (piece.start < size)
}

function endOf(block: PackBlock): number {
  return block.offset + blockHeaderSize + block.storedLength
}

/** Whether the header before a block says what the footer does. */
function hasHeader(block: PackBlock, bytes: Uint8Array): boolean {
  const header = decodeBlockHeader(bytes)
  return (
    header !== undefined &&
    header.flags === block.flags &&
    header.storedLength === block.storedLength &&
    header.plainLength === block.plainLength
  )
}

/** The chunks of a block, given with its header, that are not what their ids say. */
function badChunks(block: PackBlock, bytes: Uint8Array, same: boolean): Id[] {
  try {
    const plain = openPayload(block, bytes.subarray(blockHeaderSize))
    if (same)
      checkChunkTable(
        plain,
        block.chunks.map(({ length }) => length),
      )
    let start = 0
    return block.chunks
      .filter(({ id, length }) => {
        const chunk = plain.subarray(start, start + length)
        start += length
        return idOf(chunk) !== id
      })
      .map(({ id }) => id)
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt')) throw error
    return block.chunks.map(({ id }) => id)
  }
}

/** The blocks of a pack as a segment tells of them: for a pack whose footer is lost. */
export function blocksFromIndex(segment: SegmentFile, pack: Id): PackBlock[] {
  const { packs, blocks } = segment.tables()
  const found = new Map<number, { block: SegmentBlock; chunks: (PackChunk & { start: number })[] }>()
  for (const [number, block] of blocks.entries())
    if (packs[block.pack]!.id === pack) found.set(number, { block, chunks: [] })
  for (const { id, block, offset, length } of segment.records())
    found.get(block)?.chunks.push({ id, length, start: offset })
  return [...found.values()]
    .map(({ block, chunks }) => ({ ...block, chunks: chunks.toSorted((a, b) => a.start - b.start) }))
    .toSorted((a, b) => a.offset - b.offset)
}
