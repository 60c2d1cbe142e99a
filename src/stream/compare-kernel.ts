import type { Comparison } from './compare-lines.ts'
import { searchEdits } from './edit-search.ts'
import type { Lines } from './lines.ts'
import { LinesKernel } from './lines-kernel.ts'

/** Words of the frame by which the kernel finds everything (wasm/lines/frame.ts), in the order that it has them there. */
const frameWords = 32
const wordOf = { oldKeptCount: 22, newKeptCount: 23, head: 28, tail: 29 } as const

/** The same as `comparePlainly`, by the kernel; undefined where that cannot be. */
export function compareInKernel(oldText: Uint8Array, newText: Uint8Array): Comparison | undefined {
  const kernel = LinesKernel.take()
  try {
    return kernel === undefined ? undefined : compareBy(kernel, oldText, newText)
  } finally {
    if (kernel !== undefined) LinesKernel.release(kernel)
  }
}

/** Hands out addresses, of words, one behind the other. */
class Places {
  end: number

  constructor(start: number) {
    this.end = start
  }

  take(bytes: number): number {
    const at = this.end
    this.end = (at + bytes + 7) & ~7
    return at
  }
}

function compareBy(kernel: LinesKernel, oldText: Uint8Array, newText: Uint8Array): Comparison | undefined {
  const places = new Places(4 * frameWords)
  if (oldText.length + newText.length > 2 ** 29) return undefined
  const oldAt = places.take(oldText.length)
  const newAt = places.take(newText.length)
  if (!kernel.reserve(places.end)) return undefined
  kernel.bytes.set(oldText, oldAt)
  kernel.bytes.set(newText, newAt)
  const [oldEnd, newEnd] = [oldAt + oldText.length, newAt + newText.length]
  const oldCount = kernel.exports.countLines(oldAt, oldEnd)
  const newCount = kernel.exports.countLines(newAt, newEnd)
  const lines = oldCount + newCount
  if (lines > 2 ** 22) return undefined

  const [oldStarts, newStarts] = [places.take(4 * oldCount + 4), places.take(4 * newCount + 4)]
  const [oldNumbers, newNumbers] = [places.take(4 * oldCount), places.take(4 * newCount)]
  const [oldKept, newKept] = [places.take(4 * oldCount), places.take(4 * newCount)]
  const [oldPlaces, newPlaces] = [places.take(4 * oldCount), places.take(4 * newCount)]
  const classes = places.take(12 * lines)
  const changes = places.take(16 * lines + 16)
  // What follows must be zero at first.
  const cleared = places.end
  const slotCount = 2 ** Math.ceil(Math.log2(2 * lines + 2))
  const slots = places.take(4 * slotCount)
  const [oldTally, newTally] = [places.take(4 * lines), places.take(4 * lines)]
  const [oldMarks, newMarks] = [places.take(oldCount + 1), places.take(newCount + 1)]
  if (!kernel.reserve(places.end)) return undefined
  kernel.bytes.fill(0, cleared, places.end)
  // Lines that share a slot cost time; nobody can choose them who does not know this.
  const seed = Math.floor(Math.random() * 2 ** 32)
  // prettier-ignore
  kernel.words.set([
    oldAt, oldEnd, newAt, newEnd, oldCount, newCount, oldStarts, newStarts, oldNumbers, newNumbers,
    slots, slotCount - 1, classes, seed, oldTally, newTally, oldMarks, newMarks, oldKept, newKept,
    oldPlaces, newPlaces, 0, 0, 0, 0, 0, changes,
  ])

  const differ = kernel.exports.prepare() === 1
  const words = kernel.words
  const copied = (bytes: Uint8Array, starts: number, count: number): Lines => ({
    bytes,
    count,
    starts: words.slice(starts / 4, starts / 4 + count + 1),
  })
  const oldLines = copied(oldText, oldStarts, oldCount)
  const newLines = copied(newText, newStarts, newCount)
  if (!differ) return { oldLines, newLines, changes: [] }

  const array = (at: number, count: number): Int32Array => words.subarray(at / 4, at / 4 + count)
  const bytes = kernel.bytes
  searchEdits(
    array(oldKept, words[wordOf.oldKeptCount]!),
    array(newKept, words[wordOf.newKeptCount]!),
    (i) => (bytes[oldMarks + words[oldPlaces / 4 + i]!] = 1),
    (j) => (bytes[newMarks + words[newPlaces / 4 + j]!] = 1),
    { head: words[wordOf.head]!, tail: words[wordOf.tail]! },
  )
  const found = array(changes, 4 * kernel.exports.finish())
  return {
    oldLines,
    newLines,
    changes: Array.from({ length: found.length / 4 }, (_, i) => ({
      oldStart: found[4 * i]!,
      oldCount: found[4 * i + 1]!,
      newStart: found[4 * i + 2]!,
      newCount: found[4 * i + 3]!,
    })),
  }
}
