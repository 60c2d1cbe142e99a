import { type Lines, sameLine } from './lines.ts'

/** The lines of two texts as numbers: two lines have one number exactly when they have the same bytes. */
export interface LineClasses {
  readonly old: Int32Array
  readonly new: Int32Array
  /** One more than the greatest number. */
  readonly size: number
}

/** Numbers lines `from .. oldEnd` of one text and `from .. newEnd` of the other. */
export function classifyLines(
  oldLines: Lines,
  newLines: Lines,
  from: number,
  oldEnd: number,
  newEnd: number,
): LineClasses {
  const oldCount = oldEnd - from
  const newCount = newEnd - from
  const table = new ClassTable(oldCount + newCount)
  const first = new Int32Array(oldCount)
  for (let i = 0; i < oldCount; i++) first[i] = table.add(oldLines, from + i)
  const second = new Int32Array(newCount)
  for (let i = 0; i < newCount; i++) second[i] = table.add(newLines, from + i)
  return { old: first, new: second, size: table.size }
}

/** An open-addressing hash table from lines to class numbers. */
class ClassTable {
  size = 0
  readonly #mask: number
  /** Class number + 1 of each slot; 0 is an empty one. */
  readonly #slots: Int32Array
  readonly #hashes: Int32Array
  readonly #texts: Lines[] = []
  readonly #lines: Int32Array

  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * capacity + 2))
    this.#mask = slots - 1
    this.#slots = new Int32Array(slots)
    this.#hashes = new Int32Array(capacity)
    this.#lines = new Int32Array(capacity)
  }

  add(text: Lines, line: number): number {
    const hash = hashBytes(text.bytes, text.starts[line]!, text.starts[line + 1]!)
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const found = this.#slots[slot]! - 1
      if (found < 0) {
        this.#slots[slot] = this.size + 1
        this.#hashes[this.size] = hash
        this.#texts.push(text)
        this.#lines[this.size] = line
        return this.size++
      }
      if (this.#hashes[found] === hash && sameLine(this.#texts[found]!, this.#lines[found]!, text, line)) {
        return found
      }
    }
  }
}

/** FNV-1a with a final mix; only a hint, since equality is always checked on the bytes. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash ^ (hash >>> 15)
}
