import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs'
import { displayName } from '../../bytes/name.ts'
import { corrupt, systemCode, TidemarkError } from '../../errors.ts'
import type { FileEntry } from '../../object/entry.ts'
import { idOf } from '../../object/id.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { contentItems, type PlacedItem, type RangeOptions } from '../../tree/content.ts'

export interface WriteOptions extends RangeOptions {
  /**
   * False: nothing is asked of the store before the last answer has been used, so that it may use its memory
   * again.
   */
  readonly ahead?: boolean | undefined
}

/** A chunk on its way: where it begins in the file, and its bytes. */
interface PlacedChunk {
  readonly start: number
  readonly length: number
  readonly bytes: Promise<Uint8Array>
}

/** How far is read ahead: a number of chunks and of bytes, of which the lesser counts, but always one. */
const chunksAhead = 8
const bytesAhead = 4 * 1024 * 1024

/**
 * Writes the chunks of `file` that begin in the range to the open file `fd`, which is empty there. Holes are
 * left out, so they stay holes. Does not set the size: see {@link finishContent}.
 */
export async function writeContent(
  fd: number,
  store: Store,
  file: FileEntry,
  options: WriteOptions = {},
): Promise<void> {
  if (file.size === 0) return
  if (file.content?.depth === 0) {
    writeAt(fd, checkLength(await store.get(file.content.id, options), file.size, file), 0)
    return
  }
  const { start: from = 0, ahead = true } = options
  const waiting: PlacedChunk[] = []
  const write = async ({ start, length, bytes }: PlacedChunk): Promise<void> => {
    writeAt(fd, checkLength(await bytes, length, file), start)
  }
  for await (const { id, start, length } of contentItems(store, file, options)) {
    if (id === undefined || start < from) continue
    const bytes = store.get(id, options)
    if (!ahead) {
      await write({ start, length, bytes })
      continue
    }
    // Its failure is reported when its turn comes; until then it is nobody's.
    bytes.catch(() => undefined)
    waiting.push({ start, length, bytes })
    for (const first of waiting.splice(0, tooMany(waiting))) await write(first)
  }
  for (const chunk of waiting) await write(chunk)
}

/** How many of the first have to be written before more is read. */
function tooMany(waiting: readonly PlacedChunk[]): number {
  let bytes = 0
  let kept = 0
  for (
    let at = waiting.length - 1;
    at >= 0 && kept < chunksAhead && (kept === 0 || bytes < bytesAhead);
    at--
  ) {
    bytes += waiting[at]!.length
    kept++
  }
  return waiting.length - kept
}

/** Gives a file its size when it ends in a hole. */
export function finishContent(fd: number, { size, content }: FileEntry): void {
  if (content !== undefined && content.depth > 0 && fstatSync(fd).size !== size) ftruncateSync(fd, size)
}

function checkLength(bytes: Uint8Array, length: number, file: FileEntry): Uint8Array {
  if (bytes.length === length) return bytes
  throw corrupt(
    `content of ${displayName(file.name)}`,
    `a chunk has ${bytes.length} bytes where ${length} are stated`,
  )
}

/** A write may take fewer bytes than it was given. */
function writeAt(fd: number, bytes: Uint8Array, start: number): void {
  for (let at = 0; at < bytes.length;) {
    const written = writeSync(fd, bytes, at, bytes.length - at, start + at)
    if (written === 0) throw new TidemarkError('failed', `only ${at} of ${bytes.length} bytes were written`)
    at += written
  }
}

const compareSize = 65_536

/**
 * Whether the open file `fd`, of the size of `file`, holds its content: each chunk is read where it should
 * stand and hashed. False as well when it cannot be read.
 */
export async function holdsContent(
  fd: number,
  store: Store,
  file: FileEntry,
  options: CallOptions = {},
): Promise<boolean> {
  let buffer: Uint8Array<ArrayBuffer> = new Uint8Array(compareSize)
  const read = (start: number, length: number): Uint8Array | undefined => {
    if (buffer.length < length) buffer = new Uint8Array(length)
    for (let at = 0; at < length;) {
      const count = readSync(fd, buffer, at, length - at, start + at)
      if (count === 0) return undefined
      at += count
    }
    return buffer.subarray(0, length)
  }
  const matches = ({ id, start, length }: PlacedItem): boolean => {
    if (id !== undefined) {
      const bytes = read(start, length)
      return bytes !== undefined && idOf(bytes) === id
    }
    for (let at = start; at < start + length; at += compareSize) {
      const bytes = read(at, Math.min(compareSize, start + length - at))
      if (bytes === undefined || bytes.some((byte) => byte !== 0)) return false
    }
    return true
  }
  try {
    for await (const item of contentItems(store, file, options)) if (!matches(item)) return false
    return true
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false
  }
}
