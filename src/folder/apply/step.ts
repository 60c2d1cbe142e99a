import type { Name } from '../../bytes/name.ts'
import type { Entry } from '../../object/entry.ts'
import type { Difference } from '../../tree/compare-directories.ts'
import { equalContent, equalXattrs } from '../../tree/equal-entries.ts'
import type { ProblemCode } from './problem.ts'

export type Action =
  | 'make' // nothing stands there
  | 'write' // a file gets another content
  | 'check' // the same size: a file whose content has to be compared, and maybe written
  | 'replace' // another kind of thing stands there, or a symlink or device of other content
  | 'link' // it becomes a further name of the file `after.link`
  | 'metadata' // the same thing gets another owner, mode, time or other attributes
  | 'delete'
  | 'refuse' // nothing is done, for the reason in `problem`

/** One line of a plan: what is done at a path. Directories come before what is below them. */
export interface Step {
  readonly path: Name
  readonly action: Action
  /** What stands there now. */
  readonly before: Entry | undefined
  /** What will. */
  readonly after: Entry | undefined
  readonly problem?: { readonly code: ProblemCode; readonly message: string } | undefined
}

export interface PlanOptions {
  /** Whether what the wanted tree lacks may be deleted. */
  readonly delete?: boolean | undefined
  /** Compare contents that are not known, even where size and time are right. */
  readonly checksum?: boolean | undefined
  /** What could not be read may be replaced and deleted all the same, though nobody has what it holds. */
  readonly replaceUnread?: boolean | undefined
}

/** The folder's own bookkeeping, in its root: no plan touches it. */
export const reservedName: Name = '.tidemark'

/**
 * What to do where `before` stands now and `after` is wanted; undefined when nothing has to be done. In
 * `before` a file of a size that has no content is one whose content is not known: it is taken to be the
 * same when size and mtime are.
 */
export function planStep(difference: Difference, options: PlanOptions = {}): Step | undefined {
  const step = stepFor(difference, options)
  if (step === undefined || step.action === 'metadata' || step.action === 'refuse') return step
  if (!isUnread(difference.before, options)) return step
  return { ...step, action: 'refuse', problem: { code: 'failed', message: unreadHere } }
}

/** Whether what stands there could not be read, and so has to stay. */
export function isUnread(before: Entry | undefined, { replaceUnread }: PlanOptions): boolean {
  return before?.unreadable === true && replaceUnread !== true
}

export const unreadHere = 'it cannot be read here: left as it is'

function stepFor({ path, before, after }: Difference, options: PlanOptions): Step | undefined {
  const step = (action: Action): Step => ({ path, action, before, after })
  const refuse = (code: ProblemCode, message: string): Step => ({
    ...step('refuse'),
    problem: { code, message },
  })
  if (isReserved(path)) return after && refuse('reserved', 'the name belongs to Tidemark itself')
  if (after === undefined) return before && options.delete === true ? step('delete') : undefined
  if (after.kind === 'file' && after.unreadable) {
    return refuse('unreadable', 'its content could not be read when the snapshot was taken')
  }
  if (before === undefined) return step(after.link === undefined ? 'make' : 'link')
  if (before.kind === 'directory' && after.kind === 'directory') {
    return equalMetadata(before, after) ? undefined : step('metadata')
  }
  if (before.kind === 'directory' && before.count > 0 && options.delete !== true) {
    return refuse('not-empty', `a directory stands there and is not empty; a ${after.kind} is wanted`)
  }
  const data = before.link === after.link ? compareData(before, after, options) : 'other'
  if (data === 'same' && equalMetadata(before, after)) return undefined
  if (after.link !== undefined) return step('link')
  if (data === 'same') return step('metadata')
  if (data === 'unknown') return step('check')
  return step(before.kind === 'file' && after.kind === 'file' ? 'write' : 'replace')
}

export function isReserved(path: Name): boolean {
  return path === reservedName || path.startsWith(`${reservedName}/`)
}

/** Owner, mode, time and attributes. */
export function equalMetadata(a: Entry, b: Entry): boolean {
  return (
    a.mtimeNs === b.mtimeNs &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    // The mode of a symlink means nothing.
    (a.mode === b.mode || a.kind === 'symlink') &&
    equalXattrs(a.xattrs, b.xattrs)
  )
}

function compareData(before: Entry, after: Entry, { checksum }: PlanOptions): 'same' | 'other' | 'unknown' {
  if (before.kind !== after.kind) return 'other'
  if (before.kind === 'file' && after.kind === 'file') {
    if (before.size !== after.size) return 'other'
    if (before.size === 0) return 'same'
    if (before.content !== undefined) return equalContent(before.content, after.content) ? 'same' : 'other'
    return before.mtimeNs === after.mtimeNs && checksum !== true ? 'same' : 'unknown'
  }
  if (before.kind === 'symlink' && after.kind === 'symlink')
    return before.target === after.target ? 'same' : 'other'
  if ('major' in before && 'major' in after) {
    return before.major === after.major && before.minor === after.minor ? 'same' : 'other'
  }
  return 'same'
}

/** The steps for a stream of differences in path order. Nothing is planned below a path that is refused. */
export async function* planSteps(
  changes: AsyncIterable<readonly Difference[]>,
  options: PlanOptions = {},
): AsyncGenerator<Step> {
  let skipped: Name | undefined
  for await (const batch of changes) {
    for (const difference of batch) {
      if (skipped !== undefined && difference.path.startsWith(`${skipped}/`)) continue
      skipped = undefined
      const step = planStep(difference, options)
      if (step) yield step
      const { before, after } = difference
      const isUnknown = after?.kind === 'directory' && (after.unreadable || isUnread(before, options))
      if (step?.action === 'refuse' || isUnknown) skipped = difference.path
    }
  }
}
