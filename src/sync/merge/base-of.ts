import type { DirectoryEntry } from '../../object/entry.ts'

/**
 * The two trees for which several bases are merged into one. Nobody ever sees that base, so what loses a conflict in it
 * is left out; and where the bases are at odds, it has what one of the two still has.
 */
export type BaseOf = readonly [one: DirectoryEntry, other: DirectoryEntry]
