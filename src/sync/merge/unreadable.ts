import type { Entry } from '../../object/entry.ts'
import type { Three } from './compare-three.ts'
import { compareEncodings } from './metadata.ts'

/**
 * The two sides, with what one of them could not read as it was in the base. Without a base it counts as not there;
 * where then nothing would be, it stands as it is, for it is no reason to delete anything.
 */
export function readableSides({
  base,
  left,
  right,
}: Omit<Three, 'name'>): [Entry | undefined, Entry | undefined] {
  const [ours, theirs] = [left?.unreadable ? base : left, right?.unreadable ? base : right]
  if (base ?? ours ?? theirs) return [ours, theirs]
  if (left === undefined || right === undefined) return [left ?? right, left ?? right]
  const greater = compareEncodings(left, right) > 0 ? left : right
  return [greater, greater]
}
