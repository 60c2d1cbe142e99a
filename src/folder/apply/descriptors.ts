import { readFileSync } from 'node:fs'

/** What the rest of the process keeps: sockets, packs, directories. */
const spare = 1000

let own: Descriptors | undefined

/**
 * How many more files the process may hold open that it could do without, all its threads together: half of what the
 * system allows it.
 */
export class Descriptors {
  readonly memory: SharedArrayBuffer
  readonly #left: Int32Array

  /** On another thread with the memory of the first one's. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#left = new Int32Array(memory)
  }

  /** Those of this process; on its first thread only. */
  static get own(): Descriptors {
    if (own !== undefined) return own
    own = new Descriptors(new SharedArrayBuffer(4))
    own.#left[0] = Math.max(0, (openFilesLimit() - spare) / 2)
    return own
  }

  /** False when there are none left. */
  take(): boolean {
    if (Atomics.sub(this.#left, 0, 1) > 0) return true
    this.giveBack()
    return false
  }

  giveBack(): void {
    Atomics.add(this.#left, 0, 1)
  }
}

const most = 1_000_000

/** 0 where the system does not tell. */
function openFilesLimit(): number {
  try {
    const limit = /^Max open files +(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return limit === 'unlimited' ? most : Math.min(Number(limit ?? 0), most)
  } catch {
    return 0
  }
}
