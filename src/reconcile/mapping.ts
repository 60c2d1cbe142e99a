import { golden, mix } from './mix.ts'
import { headCells, headLog, slotMultipliers, type Profile, type ProfileClass } from './profile.ts'

/** The mapping's first word for round t: rounds 0…3 draw the head, round k the block [2^k, 2^(k+1)), 31 the class. */
export function roundWord(lo: number, round: number): number {
  return mix(lo ^ Math.imul(round, golden))
}

const classRound = 31

/** Which class of `profile` the id belongs to. */
export function classOf(profile: Profile, lo: number): ProfileClass {
  const word = roundWord(lo, classRound) & 0xffff
  let at = 0
  while (word >= profile.classes[at]!.below) at++
  return profile.classes[at]!
}

/** Room that {@link cellsOf} needs at most: 16 of the head, and 26 in each of 20 blocks. */
export const maxHits: number = headCells + 26 * 20

/**
 * Writes the cells below `size` that the id (lo, hi) lies in to `out` and returns how many. A cell hit twice
 * is listed twice: under XOR it cancels, in every implementation alike.
 *
 * For each round a word `w` of the id's lower half is chained into a word `v` of both halves; (w, v) is a
 * bijection of the id, so two ids never share a whole round.
 */
export function cellsOf(profile: Profile, lo: number, hi: number, size: number, out: Int32Array): number {
  const { head, slots } = classOf(profile, lo)
  let found = 0
  for (let cell = 0; cell < headCells && cell < size;) {
    const v = mix(hi ^ roundWord(lo, cell >>> 2))
    for (let byte = 0; byte < 32 && cell < size; byte += 8, cell++) {
      if (((v >>> byte) & 0xff) < head[cell]!) out[found++] = cell
    }
  }
  for (let k = headLog; 1 << k < size; k++) {
    const w = roundWord(lo, k)
    const v = mix(hi ^ w)
    const level = w & 0xffff
    for (let slot = 0; slot < slots.length && level < slots[slot]!; slot++) {
      const cell = (1 << k) + (Math.imul(v, slotMultipliers[slot]!) >>> (32 - k))
      if (cell < size) out[found++] = cell
    }
  }
  return found
}
