import { cellWords } from './absorb.ts'
import { headCells, headLog, type Profile, type ProfileClass } from './profile.ts'
import type { Sketch } from './sketch.ts'

/** The chance that a random id shows in cell i, over all classes. */
export function density(profile: Profile, cell: number): number {
  let below = 0
  let sum = 0
  for (const members of profile.classes) {
    sum += ((members.below - below) / 65536) * classDensity(members, cell)
    below = members.below
  }
  return sum
}

/** In a block of b cells, n hits leave a cell with an odd number of them with the chance (1 − (1 − 2/b)^n) / 2. */
function classDensity(members: ProfileClass, cell: number): number {
  if (cell < headCells) return members.head[cell]! / 256
  const block = 2 ** Math.floor(Math.log2(cell))
  let even = 0
  let above = 65536
  for (let hits = 0; hits <= members.slots.length; hits++) {
    const next = members.slots[hits] ?? 0
    even += ((above - next) / 65536) * (1 - 2 / block) ** hits
    above = next
  }
  return (1 - even) / 2
}

/** One look at a cell of a difference: how likely an id shows there, and whether any does. */
interface Observation {
  readonly density: number
  readonly zero: boolean
  /** The chance to look like zero although ids are there. */
  readonly miss: number
}

export interface Estimate {
  /** The most likely number of differences. */
  readonly likely: number
  /** True when hardly a cell was empty: there may be far more than `likely`. */
  readonly saturated: boolean
}

/** Estimates from whole cells of a difference how many ids it holds. */
export function estimate(difference: Sketch): Estimate {
  const { cells, profile } = difference
  const seen: Observation[] = []
  for (let cell = 1; cell < difference.size; cell++) {
    const at = cell * cellWords
    const zero = (cells[at]! | cells[at + 1]! | cells[at + 2]!) === 0
    seen.push({ density: density(profile, cell), zero, miss: 0 })
  }
  return mostLikely(seen)
}

/** Cells of each block that a probe samples. */
export const probeCells = 8

/** Bytes of the probe of a sketch of `size` cells: 8 for every block that has as many. */
export function probeLength(size: number): number {
  let length = 0
  for (let k = headLog; 2 ** k + probeCells <= size; k++) length += probeCells
  return length
}

/**
 * The probe of a sketch: the first byte of the first cells of every block. Linear like the cells; a hundred
 * bytes that tell the size of a difference of any magnitude, before its cells are read.
 */
export function probe(sketch: Sketch): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(probeLength(sketch.size))
  for (let at = 0; at < bytes.length; at++) bytes[at] = sketch.cells[cellWords * probedCell(at)]! & 0xff
  return bytes
}

/** Estimates the number of differences between two sets from their probes. */
export function estimateFromProbes(profile: Profile, a: Uint8Array, b: Uint8Array): Estimate {
  const seen: Observation[] = []
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    seen.push({ density: density(profile, probedCell(at)), zero: a[at] === b[at], miss: 1 / 256 })
  }
  return mostLikely(seen)
}

function probedCell(at: number): number {
  return 2 ** (headLog + Math.floor(at / probeCells)) + (at % probeCells)
}

/**
 * Maximum likelihood over d, where a cell of density p is zero with the chance (1 − p)^d. The likelihood has one
 * peak; a search over the logarithm of d finds it to a hundredth.
 */
function mostLikely(seen: readonly Observation[]): Estimate {
  const score = (logD: number): number => {
    let sum = 0
    for (const { density, zero, miss } of seen) {
      const empty = Math.exp(Math.exp(logD) * Math.log1p(-density))
      const shown = empty + (1 - empty) * miss
      sum += Math.log(Math.max(zero ? shown : 1 - shown, 1e-300))
    }
    return sum
  }
  let from = 0
  let to = Math.log(2e7)
  while (to - from > 0.005) {
    const left = from + (to - from) / 3
    const right = to - (to - from) / 3
    if (score(left) < score(right)) from = left
    else to = right
  }
  const zeros = seen.filter((observation) => observation.zero).length
  return { likely: Math.round(Math.exp((from + to) / 2)), saturated: zeros < 2 + seen.length / 128 }
}
