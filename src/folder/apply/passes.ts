import type { Name } from '../../bytes/name.ts'
import type { Id } from '../../object/id.ts'
import type { Difference } from '../../tree/compare-directories.ts'

/**
 * The order in which a replica goes from one tree to another, so that a kill between any two steps leaves each
 * content in some path that had it or is to have it: what is new comes first (a conflict copy before the other
 * version takes its name), then what is replaced, then what is deleted.
 */
export type Pass = 'new' | 'replaced' | 'deleted'

export const passes: readonly Pass[] = ['new', 'replaced', 'deleted']

/** What is left of a plan once a pass has gone over it. */
export interface Later {
  /** Paths that are kept as they are, and why. */
  readonly keep: (path: Name) => void
  /** Is told of the passes that something is left for. */
  readonly later: (pass: Pass) => void
}

/**
 * Those of all differences that belong to a pass, with the directories that lead to them. What takes a content in
 * `kept` away is left out: it was to go to another path, and that failed.
 */
export async function* ofPass(
  pass: Pass,
  changes: AsyncIterable<readonly Difference[]>,
  kept: ReadonlySet<Id>,
  { keep, later }: Later,
): AsyncGenerator<readonly Difference[]> {
  // What is below something that changes its kind goes with it.
  let changing: Name | undefined
  const belongs = (difference: Difference): boolean => {
    const { path, before, after } = difference
    if (changing !== undefined && !path.startsWith(`${changing}/`)) changing = undefined
    const isWithin = changing !== undefined
    const [was, is] = [before?.kind === 'directory', after?.kind === 'directory']
    if (was && is) return true
    if (!isWithin && before !== undefined && after !== undefined && was !== is) changing = path
    const own = isWithin ? 'replaced' : passOf(difference)
    if (own !== pass) {
      later(own)
      return false
    }
    if (before?.kind !== 'file' || before.content === undefined || !kept.has(before.content.id)) return true
    keep(path)
    return false
  }
  // In a directory that is new, what comes later needs it as it is by then.
  const isMade = ({ before, after }: Difference): boolean =>
    pass === 'replaced' && changing === undefined && before === undefined && after?.kind === 'directory'
  for await (const batch of changes) {
    const some: Difference[] = []
    for (const difference of batch) {
      if (belongs(difference)) some.push(difference)
      else if (isMade(difference)) some.push({ ...difference, before: difference.after })
    }
    if (some.length > 0) yield some
  }
}

function passOf({ before, after }: Difference): Pass {
  if (after === undefined) return 'deleted'
  // A further name of a file waits until that is what it is to be.
  return before === undefined && after.link === undefined ? 'new' : 'replaced'
}
