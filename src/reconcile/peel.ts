import { cellWords } from './absorb.ts'
import { IdTable } from './id-table.ts'
import { checkOf } from './identify.ts'
import { cellsOf, maxHits } from './mapping.ts'
import type { Sketch } from './sketch.ts'

/** Ids as (lo, hi) pairs. */
export type Ids = Int32Array

/**
 * The ids in which two sets differ, from the difference of their sketches (`a.subtract(b)`); undefined when it
 * has too few cells for that, or makes no sense. The sketch itself is left as it was.
 *
 * A cell whose check fits its id, and which that id maps to, holds that id alone; taken out of all its cells,
 * it lays others bare. Every cell must be zero in the end.
 *
 * Work is bounded by the size, whatever the cells hold: an honest difference has at most as many ids as cells
 * (ids in more would not be told apart), so peeling stops after `size` steps.
 */
export function peel(difference: Sketch): Ids | undefined {
  const { key, profile, size } = difference
  const cells = difference.cells.slice()
  const found = new Int32Array(2 * size)
  const hits = new Int32Array(maxHits)
  const pending: number[] = []
  let count = 0

  const isPure = (cell: number): boolean => {
    const at = cell * cellWords
    const lo = cells[at]!
    const hi = cells[at + 1]!
    const check = cells[at + 2]!
    return (lo | hi | check) !== 0 && check === checkOf(key, lo, hi)
  }

  for (let first = 0; first < size; first++) {
    if (isPure(first)) pending.push(first)
    while (pending.length > 0) {
      const cell = pending.pop()!
      if (!isPure(cell)) continue
      const lo = cells[cell * cellWords]!
      const hi = cells[cell * cellWords + 1]!
      const check = cells[cell * cellWords + 2]!
      const reached = cellsOf(profile, lo, hi, size, hits)
      if (!hitsOddly(hits, reached, cell)) continue
      if (count === size) return undefined
      found[2 * count] = lo
      found[2 * count + 1] = hi
      count++
      for (let hit = 0; hit < reached; hit++) {
        const at = hits[hit]! * cellWords
        cells[at] = cells[at]! ^ lo
        cells[at + 1] = cells[at + 1]! ^ hi
        cells[at + 2] = cells[at + 2]! ^ check
        // Cells that the outer loop has still to see need no place in the list.
        if (hits[hit]! <= first && isPure(hits[hit]!)) pending.push(hits[hit]!)
      }
    }
  }
  for (const word of cells) if (word !== 0) return undefined
  return cancelPairs(found.subarray(0, 2 * count))
}

/** Whether `cell` is hit an odd number of times, so that the id shows in it. */
function hitsOddly(hits: Int32Array, reached: number, cell: number): boolean {
  let odd = false
  for (let hit = 0; hit < reached; hit++) if (hits[hit] === cell) odd = !odd
  return odd
}

/**
 * A sum of several ids may, once in 2^32 and more, look like an id of its own. It is then peeled, and peeled
 * again when its parts come to light: what was found an even number of times was never there.
 */
function cancelPairs(ids: Ids): Ids {
  const table = new IdTable(ids.length / 2)
  let repeated = false
  for (let at = 0; at < ids.length; at += 2) {
    const before = table.get(ids[at]!, ids[at + 1]!)
    if (before >= 0) repeated = true
    table.set(ids[at]!, ids[at + 1]!, before === 1 ? 0 : 1)
  }
  if (!repeated) return ids.slice()
  const kept: number[] = []
  for (let at = 0; at < ids.length; at += 2) {
    if (table.get(ids[at]!, ids[at + 1]!) !== 1) continue
    kept.push(ids[at]!, ids[at + 1]!)
    table.set(ids[at]!, ids[at + 1]!, 0)
  }
  return Int32Array.from(kept)
}
