import { equalBytes } from '../bytes/compare.ts'

/** One cell of a filter: how many items, their XOR, and the XOR of their digests. */
export interface Cell {
  readonly count: number
  readonly xor: Uint8Array
  readonly hash: Uint8Array
}

export const emptyCell: Cell = { count: 0, xor: new Uint8Array(0), hash: new Uint8Array(0) }

/** The cell with `times` more of an item. A negative number takes it out. */
export function withItem(cell: Cell, times: number, item: Uint8Array, hash: Uint8Array): Cell {
  return { count: cell.count + times, xor: xorBytes(cell.xor, item), hash: xorBytes(cell.hash, hash) }
}

/** The sum of two cells. */
export function joined(a: Cell, b: Cell): Cell {
  return { count: a.count + b.count, xor: xorBytes(a.xor, b.xor), hash: xorBytes(a.hash, b.hash) }
}

/** Without items: no count and no hash. What the XOR holds is then nothing but zeros. */
export function isEmpty(cell: Cell): boolean {
  return cell.count === 0 && cell.hash.every((byte) => byte === 0)
}

export function sameCell(a: Cell, b: Cell): boolean {
  return a.count === b.count && equalBytes(a.xor, b.xor) && equalBytes(a.hash, b.hash)
}

/** XOR, the shorter one filled up with zeros at its end; the length never shrinks. */
function xorBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a]
  // Not `slice`, which makes no copy of Node's Buffers.
  const out = new Uint8Array(longer)
  for (let at = 0; at < shorter.length; at++) out[at] = out[at]! ^ shorter[at]!
  return out
}
