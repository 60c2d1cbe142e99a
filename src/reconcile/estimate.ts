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

/** Looks at cells of one density: how many were zero; or, of a probe, had a zero in the one bit. */
interface Observation {
  readonly density: number
  readonly probed: boolean
  zeros: number
  others: number
}

export interface Estimate {
  /** The most likely number of differences. */
  readonly likely: number
  /** How many cells were empty. An estimate from so many cells is off by some share like one over its square root. */
  readonly zeros: number
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
  const { cells, size } = difference
  const seen = new Observations(difference.profile)
  let zeros = 0
  for (let cell = 1; cell < size; cell++) {
    const at = cell * cellWords
    const zero = (cells[at]! | cells[at + 1]! | cells[at + 2]!) === 0
    if (zero) zeros++
    seen.add(cell, false, zero)
  }
  if (probes !== undefined) addProbes(seen, size, probes)
  return { likely: mostLikely(seen.all), zeros, saturated: zeros < 10 }
}

function addProbes(seen: Observations, size: number, { ours, theirs }: Probes): void {
  const bits = 8 * Math.min(ours.length, theirs.length)
  for (let bit = 0; bit < bits; bit++) {
    const cell = probedCell(bit)
    if (cell < size) continue
    const differ = ((ours[bit >>> 3]! ^ theirs[bit >>> 3]!) >>> (bit & 7)) & 1
    seen.add(cell, true, differ === 0)
  }
}

/** All cells of a block have one density, so that what was seen of them is two counts. */
class Observations {
  readonly all: Observation[] = []
  readonly #profile: Profile
  readonly #byBlock = new Map<number, Observation>()

  constructor(profile: Profile) {
    this.#profile = profile
  }

  add(cell: number, probed: boolean, zero: boolean): void {
    const block = cell < headCells ? cell : headCells + (31 - Math.clz32(cell))
    const name = probed ? -block : block
    let observation = this.#byBlock.get(name)
    if (observation === undefined) {
      observation = { density: density(this.#profile, cell), probed, zeros: 0, others: 0 }
      this.#byBlock.set(name, observation)
      this.all.push(observation)
    }
    if (zero) observation.zeros++
    else observation.others++
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
    for (const { density, probed, zeros, others } of seen) {
      const empty = Math.exp(Math.exp(logD) * Math.log1p(-density))
      const shown = probed ? (1 + empty) / 2 : empty
      sum += zeros * Math.log(Math.max(shown, 1e-300)) + others * Math.log(Math.max(1 - shown, 1e-300))
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
