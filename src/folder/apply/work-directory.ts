import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { Step } from './step.ts'

/** A directory in which something may have to be done. */
export interface WorkDirectory {
  readonly path: Name
  /** The one that it is in; undefined for the root. */
  readonly above: WorkDirectory | undefined
  /** Whose metadata it gets once nothing in it changes any more; undefined when it keeps its own. */
  wanted: DirectoryEntry | undefined
  /** The mode it had, when it was changed to work in it and there is no `wanted`. */
  ownMode: number | undefined
  /** It was made just now: nothing can be left in it from before. */
  made: boolean
  /** Something in it is changed, or its metadata are. */
  due: boolean
  /** It is ready for changes. */
  prepared: boolean
  /** It goes once it is empty; then `replacement` takes its place. */
  readonly doomed: boolean
  readonly replacement: Step | undefined
  /** What is still to be done in it; 1 for being open itself. */
  pending: number
}

export function workDirectory(
  path: Name,
  above: WorkDirectory | undefined,
  more: Partial<WorkDirectory> = {},
): WorkDirectory {
  const none = { wanted: undefined, ownMode: undefined, replacement: undefined }
  const flags = { made: false, due: false, prepared: false, doomed: false }
  return { path, above, ...none, ...flags, pending: 1, ...more }
}
