import type { Name } from '../../bytes/name.ts'
import type { Id } from '../../object/id.ts'
import type { Difference } from '../../tree/compare-directories.ts'

/**
 * The order in which a directory goes from one tree to another, so that a kill between any two steps leaves each
 * content at some path that had it or is to have it: what is new comes first (a conflict copy before the other
 * version takes its name), then what is replaced, then what is deleted.
 */
export type Pass = 'new' | 'replaced' | 'deleted'

export const passes: readonly Pass[] = ['new', 'replaced', 'deleted']

export interface PassOptions {
  /** What takes one of these contents away is left out: it was to go to another path, and that failed. */
  readonly kept: ReadonlySet<Id>
  /** No pass went before: this one also gives directories what they are themselves. */
  readonly isFirst: boolean
  readonly onKept: (path: Name) => void
  /** Called for what belongs to another pass. */
  readonly onOther: (pass: Pass) => void
}

/** Those of all differences that belong to a pass, with the directories that lead to them. */
export async function* ofPass(
  pass: Pass,
  changes: AsyncIterable<readonly Difference[]>,
  options: PassOptions,
): AsyncGenerator<readonly Difference[]> {
  // What is below something that changes its kind goes with it.
  let changing: Name | undefined
  const select = (difference: Difference): Difference | undefined => {
    const { path, before, after } = difference
    if (changing !== undefined && !path.startsWith(`${changing}/`)) changing = undefined
    const isWithin = changing !== undefined
    const [was, is] = [before?.kind === 'directory', after?.kind === 'directory']
    if (!isWithin && before !== undefined && after !== undefined && was !== is) changing = path
    if (was && is) return options.isFirst ? difference : { path, before: after, after }
    const own = isWithin ? 'replaced' : passOf(difference)
    if (own !== pass) {
      options.onOther(own)
      // Made by an earlier pass; what it holds may be for this one.
      return is && !isWithin && before === undefined ? { path, before: after, after } : undefined
    }
    if (before?.kind !== 'file' || before.content === undefined || !options.kept.has(before.content.id))
      return difference
    options.onKept(path)
    return undefined
  }
  for await (const batch of changes) {
    const some = batch.map(select).filter((difference) => difference !== undefined)
    if (some.length > 0) yield some
  }
}

export function passOf({ before, after }: Difference): Pass {
  if (after === undefined) return 'deleted'
  // A further name of a file waits until that is what it is to be.
  return before === undefined && after.link === undefined ? 'new' : 'replaced'
}
