import type { Id } from '../../object/id.ts'

/**
 * Which chunks this run has met, shared by all its threads: whoever claims a chunk first stores it, the
 * others rely on that. A table with open addressing in shared memory, nine 32-bit words a slot: a state, and
 * the id. It does not grow; see {@link Claims.full}.
 */
export class Claims {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array<SharedArrayBuffer>
  readonly #slots: number

  /** `slots` is a power of two. */
  static create(slots: number): Claims {
    return new Claims(new SharedArrayBuffer(4 + slots * slotWords * 4))
  }

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#words = new Int32Array(memory)
    this.#slots = (memory.byteLength / 4 - 1) / slotWords
  }

  /** How many there are. */
  get count(): number {
    return Atomics.load(this.#words, 0)
  }

  /** Beyond this no more are noted, and {@link claim} says yes to everything new: some chunks are then stored twice. */
  get full(): boolean {
    return this.count >= this.#slots * 0.875
  }

  /** True when `id` was not claimed before: then the caller must store it, or let the whole run fail. */
  claim(id: Id): boolean {
    const words = this.#words
    const first = word(id, 0)
    const mask = this.#slots - 1
    for (let slot = first & mask; ; slot = (slot + 1) & mask) {
      const at = 1 + slot * slotWords
      if (Atomics.load(words, at) === empty) {
        if (this.full) return true
        if (Atomics.compareExchange(words, at, empty, writing) === empty) {
          for (let i = 0; i < 8; i++) words[at + 1 + i] = word(id, i)
          Atomics.store(words, at, ready)
          Atomics.add(words, 0, 1)
          return true
        }
      }
      // Another thread writes the eight words of this slot just now.
      while (Atomics.load(words, at) === writing);
      if (this.#holds(at + 1, id, first)) return false
    }
  }

  #holds(at: number, id: Id, first: number): boolean {
    if (this.#words[at] !== first) return false
    for (let i = 1; i < 8; i++) if (this.#words[at + i] !== word(id, i)) return false
    return true
  }

  /** Forgets all. No thread may be claiming meanwhile. */
  clear(): void {
    this.#words.fill(0)
  }
}

const slotWords = 9
const empty = 0
const writing = 1
const ready = 2

function word(id: Id, index: number): number {
  const at = 4 * index
  return (
    id.charCodeAt(at) |
    (id.charCodeAt(at + 1) << 8) |
    (id.charCodeAt(at + 2) << 16) |
    (id.charCodeAt(at + 3) << 24)
  )
}
