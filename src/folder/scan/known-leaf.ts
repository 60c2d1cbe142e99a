import type { Name } from '../../bytes/name.ts'
import { corrupt } from '../../errors.ts'
import type { Entry } from '../../object/entry.ts'
import { entryFlags, kindOf } from '../../object/entry-codec.ts'
import { LeafCursor } from '../../object/leaf-cursor.ts'
import type { StateLeaf } from '../state.ts'
import type { Look } from '../system/look.ts'
import { elsewhere } from './carry.ts'

/** What is remembered of one name. */
export interface Known {
  readonly entry: Entry
  readonly ino: bigint
  readonly ctimeNs: bigint
}

/** The four bits that begin a mode, by kind; directories have more to them than a look can tell. */
const types: Readonly<Partial<Record<Entry['kind'], number>>> = {
  file: 0o10,
  symlink: 0o12,
  fifo: 0o01,
  'character-device': 0o02,
  'block-device': 0o06,
  socket: 0o14,
}

const never = entryFlags.unstable | entryFlags.unreadable | entryFlags.link

/** A leaf that is remembered, gone through entry by entry beside the names that are there now. */
export class KnownLeaf {
  readonly cursor: LeafCursor
  readonly #stats: BigInt64Array<ArrayBuffer>
  /** The same as pairs of halves, low and high. */
  readonly #halves: Int32Array<ArrayBuffer>

  constructor({ bytes, stats }: StateLeaf) {
    this.cursor = new LeafCursor(bytes)
    this.#stats = stats
    this.#halves = new Int32Array(stats.buffer, stats.byteOffset, 2 * stats.length)
  }

  /** What is remembered of the name at the cursor. */
  known(): Known {
    const at = 2 * this.cursor.index
    const [ino, ctimeNs] = [this.#stats[at], this.#stats[at + 1]]
    if (ino === undefined || ctimeNs === undefined) throw this.#lacking()
    return { entry: this.cursor.entry(), ino, ctimeNs }
  }

  /** The entry at the cursor was never here. */
  get isElsewhere(): boolean {
    const at = 2 * this.cursor.index
    return this.#stats[at] === elsewhere.ino && this.#stats[at + 1] === elsewhere.ctimeNs
  }

  /**
   * True when what was looked at last is what the entry at the cursor was made of, by the same signs as
   * `isUnchanged` asks for. False also where that takes more than these numbers: for directories, and for
   * files with several names.
   */
  isUntouched(look: Look): boolean {
    const { cursor } = this
    const at = 4 * cursor.index
    const stats = this.#halves
    const kind = kindOf(cursor.head)
    return (
      kind !== undefined &&
      (cursor.head & never) === 0 &&
      look.type === types[kind] &&
      look.links === 1 &&
      look.changedAt(stats[at + 2]!, stats[at + 3]!) &&
      look.hasInode(stats[at]!, stats[at + 1]!) &&
      look.modifiedAt(cursor.mtimeLow, cursor.mtimeHigh) &&
      (kind !== 'file' || look.size === cursor.size)
    )
  }

  /** Once the cursor is past the end: throws when there were not as many stats as entries. */
  checkEnd(): void {
    if (this.#stats.length !== 2 * this.cursor.index) throw this.#lacking()
  }

  /** Goes past the entries before `name` (all that are left, without one), telling of each; true at that of `name`. */
  advanceTo(name: Name | undefined, passed: () => void): boolean {
    const { cursor } = this
    while (cursor.valid) {
      const order = name === undefined ? -1 : cursor.compareName(name)
      if (order >= 0) return order === 0
      passed()
      cursor.next()
    }
    return false
  }

  #lacking(): Error {
    return corrupt('folder state', 'a leaf lacks its stats')
  }
}
