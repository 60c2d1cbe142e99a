import { addCounts, nothingDone, type ApplyCounts } from '../folder/apply/apply.ts'
import { isBearable, type Problem } from '../folder/apply/problem.ts'
import type { Pulled } from './pulled.ts'
import type { Replica } from './replica.ts'

/** How it stands with a copy, as it tells those it is kept in step with. */
export interface Report {
  /** What was put into its working files since it was asked last. */
  readonly counts: ApplyCounts
  /** What is not there as it is to be, or could not be read; those that are told one by one. */
  readonly problems: readonly Problem[]
  /** All of them. */
  readonly problemCount: number
}

/** What stands in the way of a replica's being all that its newest snapshot says, once it has taken in `pulled`. */
export function problemsOf(replica: Replica, pulled: Pulled | undefined): Problem[] {
  const standing = replica.problems?.() ?? []
  const paths = new Set(standing.map(({ path }) => path))
  // When all is done, what could not be made is among those that stand, unless it has been made since.
  const told = (pulled?.problems ?? []).filter(
    ({ path, code }) => !paths.has(path) && (isBearable(code) || pulled?.done !== true),
  )
  return [...told, ...standing]
}

export function sumOf(all: Iterable<{ readonly counts: ApplyCounts }>): ApplyCounts {
  const sum = nothingDone()
  for (const { counts } of all) addCounts(sum, counts)
  return sum
}
