import { general, maxCells, type Profile } from './profile.ts'

/**
 * How many cells to ask for when about `differences` are expected: enough in 99 of 100 cases when the
 * number is right. Small differences scatter widely, so they get a constant on top.
 */
export function cellsFor(differences: number, profile: Profile = general): number {
  const each = profile === general ? 1.27 : 1.12
  const spread = profile === general ? 4.5 : 12
  return Math.min(maxCells, Math.ceil(each * differences + spread * Math.sqrt(differences)) + 16)
}
