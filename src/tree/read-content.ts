import { corrupt } from '../errors.ts'
import { idToHex, type Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { contentItems, type PlacedItem, type RangeOptions, type Sized } from './content.ts'

/** How far is read ahead: a number of chunks and of bytes, of which the lesser counts, but always one. */
const chunksAhead = 8
const bytesAhead = 4 * 1024 * 1024

/** Holes come in pieces of it. */
const zeros: Uint8Array<ArrayBuffer> = new Uint8Array(65_536)

/**
 * The bytes of a content, or of a range of it, in order. Holes come as zeros in pieces of at most 64 KiB.
 * Some chunks are read ahead. The pieces may share memory with others and must not be changed. Rejects as
 * `contentItems` does, and `corrupt` for a chunk of another length than stated.
 */
export async function* readContent(
  store: Store,
  content: Sized,
  options: RangeOptions = {},
): AsyncGenerator<Uint8Array> {
  const { start = 0, end = content.size, signal } = options
  const waiting: { item: PlacedItem; bytes: Promise<Uint8Array> | undefined }[] = []
  let ahead = 0
  const items = contentItems(store, content, options)
  let more = true
  for (;;) {
    while (more && waiting.length < chunksAhead && (ahead < bytesAhead || waiting.length === 0)) {
      const next = await items.next()
      if (next.done === true) {
        more = false
        break
      }
      const item = next.value
      const bytes = item.id === undefined ? undefined : readChunk(store, item.id, item.length, { signal })
      // Its failure is reported when its turn comes; until then it is nobody's.
      bytes?.catch(() => undefined)
      waiting.push({ item, bytes })
      if (bytes) ahead += item.length
    }
    const first = waiting.shift()
    if (first === undefined) return
    const { item, bytes } = first
    const from = Math.max(start - item.start, 0)
    const to = Math.min(end - item.start, item.length)
    if (bytes === undefined) yield* zerosOf(to - from)
    else {
      ahead -= item.length
      const chunk = await bytes
      yield from === 0 && to === item.length ? chunk : chunk.subarray(from, to)
    }
  }
}

async function readChunk(store: Store, id: Id, length: number, options: CallOptions): Promise<Uint8Array> {
  const bytes = await store.get(id, options)
  if (bytes.length === length) return bytes
  throw corrupt(`chunk ${idToHex(id)}`, `has ${bytes.length} bytes where ${length} are stated`)
}

function* zerosOf(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= zeros.length)
    yield left < zeros.length ? zeros.subarray(0, left) : zeros
}
