import { TidemarkError } from '../errors.ts'
import type { Head } from './head.ts'

export interface Guard {
  /** The largest share of a folder's entries, from 0 to 1, that may vanish at once without a word. */
  readonly maxVanishing: number
}

export const defaultGuard: Guard = { maxVanishing: 0.5 }

/** Fewer than this may vanish from a folder that holds more, and so few from one that is empty then. */
const few = 25
const hardlyAny = 2

/**
 * Rejects `limit` when going on from one snapshot to another would make too much of a folder vanish: an emptied
 * folder, or an unmounted one that looks empty, is not meant to empty all others. Renames do not count: what
 * counts is how many entries there are in all.
 */
export function checkVanishing(from: Head, to: Head, { maxVanishing }: Guard, where: string): void {
  const [before, after] = [from.snapshot.root.count, to.snapshot.root.count]
  const vanishing = before - after
  if (vanishing <= (after === 0 ? hardlyAny : few - 1) || vanishing <= before * maxVanishing) return
  throw new TidemarkError(
    'limit',
    `${where}: ${vanishing} of ${before} entries would be deleted: nothing was done. If that is right, say --allow-deletes`,
  )
}
