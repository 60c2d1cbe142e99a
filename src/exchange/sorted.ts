import type { Ids } from '../reconcile/index.ts'

/** Ids in the order of their bytes: little-endian words compared from their first byte on. */
export function sortIds(ids: Ids): Ids {
  const keys = new BigUint64Array(ids.length / 2)
  for (let at = 0; at < keys.length; at++) {
    keys[at] = (BigInt(swapped(ids[2 * at]!)) << 32n) | BigInt(swapped(ids[2 * at + 1]!))
  }
  keys.sort()
  const sorted = new Int32Array(ids.length)
  keys.forEach((key, at) => {
    sorted[2 * at] = swapped(Number(key >> 32n)) | 0
    sorted[2 * at + 1] = swapped(Number(key & 0xffffffffn)) | 0
  })
  return sorted
}

function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}

/** Ids that are in one of the lists and not in the other. */
export function differingIds(a: Ids, b: Ids): Ids {
  const first = sortIds(a)
  const second = sortIds(b)
  const differing: number[] = []
  let i = 0
  let j = 0
  while (i < first.length || j < second.length) {
    const order = compareIds(first, i, second, j)
    if (order === 0) {
      i += 2
      j += 2
    } else if (order < 0) {
      differing.push(first[i]!, first[i + 1]!)
      i += 2
    } else {
      differing.push(second[j]!, second[j + 1]!)
      j += 2
    }
  }
  return Int32Array.from(differing)
}

/** The order of the ids at `i` and `j`; the end of a list comes after every id. */
function compareIds(a: Ids, i: number, b: Ids, j: number): number {
  if (i >= a.length) return 1
  if (j >= b.length) return -1
  return swapped(a[i]!) - swapped(b[j]!) || swapped(a[i + 1]!) - swapped(b[j + 1]!)
}
