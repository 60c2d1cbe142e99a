import { fromSystem, isTidemarkError, systemCode, type TidemarkError } from '../../errors.ts'

/** What concerns one item alone. Throws again what would be every item's trouble. */
export function problemOf(error: unknown): TidemarkError {
  if (!isTidemarkError(error) && systemCode(error) === undefined) throw error
  const problem = fromSystem(error, 'the system refused')
  if (isTidemarkError(problem, 'full', 'cancelled')) throw problem
  return problem
}

/** Milliseconds until something is tried again that was tried `tries` times before: 2 s, 8 s, … 6 h. */
export function backOff(tries: number): number {
  return Math.min(2000 * 4 ** tries, 6 * 3_600_000)
}
