import { cellWords } from './absorb.ts'
import { headCells, type Profile, type ProfileClass } from './profile.ts'
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

/** One look at a cell of a difference: how likely a random id shows there, and what was seen. */
interface Observation {
  readonly density: number
  /** Whether the cell is zero; or, of a probe, whether the one bit is. */
  readonly zero: boolean
  readonly probed: boolean
}

export interface Estimate {
  /** The most likely number of differences. */
  readonly likely: number
  /** True when hardly a cell was empty: there may be far more than `likely`. */
  readonly saturated: boolean
}

/** The probes of both sides of a difference. */
export interface Probes {
  readonly ours: Uint8Array
  readonly theirs: Uint8Array
}

/**
 * Estimates how many ids a difference holds, from its cells, and from the probes of the two sketches in whole,
 * which reach further.
 */
export function estimate(difference: Sketch, probes?: Probes): Estimate {
  const { cells, profile, size } = difference
  const seen: Observation[] = []
  for (let cell = 1; cell < size; cell++) {
    const at = cell * cellWords
    const zero = (cells[at]! | cells[at + 1]! | cells[at + 2]!) === 0
    seen.push({ density: density(profile, cell), zero, probed: false })
  }
  const zeros = seen.filter((observation) => observation.zero).length
  if (probes !== undefined) seen.push(...probedBits(difference, probes))
  return { likely: mostLikely(seen), saturated: zeros < 2 + seen.length / 16 }
}

function* probedBits({ profile, size }: Sketch, { ours, theirs }: Probes): Iterable<Observation> {
  const bits = 8 * Math.min(ours.length, theirs.length)
  for (let bit = 0; bit < bits; bit++) {
    const cell = probedCell(bit)
    if (cell < size) continue
    const differ = ((ours[bit >>> 3]! ^ theirs[bit >>> 3]!) >>> (bit & 7)) & 1
    yield { density: density(profile, cell), zero: differ === 0, probed: true }
  }
}

/** Cells of each block that a probe samples, from the block of so many cells on. */
const probeCells = 128
const probeLog = 7

/** Bytes of the probe of a sketch of `size` cells: 16 for every whole block of 128 cells and more. */
export function probeLength(size: number): number {
  let length = 0
  for (let k = probeLog; 2 ** (k + 1) <= size; k++) length += probeCells / 8
  return length
}

/**
 * The probe of a sketch: the lowest bit of the first 128 cells of every block. Linear like the cells; two hundred
 * bytes that tell the size of a difference of any magnitude to an eighth, before its cells are read.
 */
export function probe(sketch: Sketch): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(probeLength(sketch.size))
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const low = sketch.cells[cellWords * probedCell(bit)]! & 1
    bytes[bit >>> 3] = bytes[bit >>> 3]! | (low << (bit & 7))
  }
  return bytes
}

function probedCell(bit: number): number {
  return 2 ** (probeLog + Math.floor(bit / probeCells)) + (bit % probeCells)
}

/**
 * Maximum likelihood over d. A cell of density p is zero with the chance (1 − p)^d; one bit of it with that and half
 * of the rest. The likelihood has one peak; a search over the logarithm of d finds it.
 */
function mostLikely(seen: readonly Observation[]): number {
  const score = (logD: number): number => {
    let sum = 0
    for (const { density, zero, probed } of seen) {
      const empty = Math.exp(Math.exp(logD) * Math.log1p(-density))
      const shown = probed ? (1 + empty) / 2 : empty
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
  return Math.round(Math.exp((from + to) / 2))
}
