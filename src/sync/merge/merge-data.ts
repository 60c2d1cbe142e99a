import type { Entry } from '../../object/entry.ts'
import { sameData } from '../../tree/equal-entries.ts'
import { mergeMetadata, pickField } from './metadata.ts'

/** Whose data an entry gets: either side's, for they are the same; one side's; or it cannot be told. */
export type Choice = 'same' | 'left' | 'right' | 'conflict'

/** Of two entries that are no directories. */
export function chooseData(base: Entry | undefined, left: Entry, right: Entry): Choice {
  if (sameData(left, right)) return 'same'
  if (base && sameData(base, left)) return 'right'
  if (base && sameData(base, right)) return 'left'
  return 'conflict'
}

/** `data` is the side whose data is taken; all else is merged by field if both are of one kind. */
export function withMergedMetadata(
  [base, left, right]: readonly [Entry | undefined, Entry, Entry],
  data: Entry,
  isLeftNewer: boolean,
): Entry {
  if (left.kind !== right.kind) return data
  const old = base?.kind === left.kind ? base : undefined
  const links = [old && (old.link ?? ''), left.link ?? '', right.link ?? ''] as const
  const link = pickField(links, Object.is, isLeftNewer) || undefined
  const merged = { ...data, ...mergeMetadata(old, left, right, isLeftNewer), link }
  // Bytes that held still for one are what the other read, too.
  if (merged.kind !== 'file' || left.kind !== 'file' || right.kind !== 'file' || !sameData(left, right))
    return merged
  return { ...merged, unstable: left.unstable && right.unstable }
}
