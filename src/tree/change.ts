import type { Name } from '../bytes/name.ts'
import type { Entry } from '../object/entry.ts'
import type { Difference } from './compare-directories.ts'
import { equalData, equalXattrs } from './equal-entries.ts'

/**
 * In what two entries differ. `content`: bytes of a file, target of a symlink, numbers of a device, or what is
 * marked as unreadable or unstable; never what is below a directory. `link`: which names share a file.
 */
export type What = 'kind' | 'content' | 'mode' | 'owner' | 'time' | 'xattrs' | 'link'

/** What happened to one path between two trees. */
export interface Change {
  readonly path: Name
  readonly kind: 'added' | 'removed' | 'changed' | 'moved'
  /** Where it was, when it moved. */
  readonly from?: Name | undefined
  /** Absent when added. */
  readonly before?: Entry | undefined
  /** Absent when removed. */
  readonly after?: Entry | undefined
  /** For what changed, not empty; for what moved, what else changed, often nothing. */
  readonly what?: readonly What[] | undefined
}

/** Where the two differ, their names aside. */
export function differences(before: Entry, after: Entry): What[] {
  const what: What[] = []
  if (before.kind !== after.kind) what.push('kind')
  else if (differInData(before, after)) what.push('content')
  if (before.mode !== after.mode) what.push('mode')
  if (before.uid !== after.uid || before.gid !== after.gid) what.push('owner')
  if (before.mtimeNs !== after.mtimeNs) what.push('time')
  if (!equalXattrs(before.xattrs, after.xattrs)) what.push('xattrs')
  if (before.link !== after.link) what.push('link')
  return what
}

function differInData(before: Entry, after: Entry): boolean {
  if (before.kind === 'directory') return before.unreadable !== after.unreadable
  return !equalData(before, after)
}

/** The change that a difference is; undefined for a directory that is itself as it was. */
export function toChange({ path, before, after }: Difference): Change | undefined {
  if (before === undefined) return { path, kind: 'added', after }
  if (after === undefined) return { path, kind: 'removed', before }
  const what = differences(before, after)
  return what.length === 0 ? undefined : { path, kind: 'changed', before, after, what }
}
