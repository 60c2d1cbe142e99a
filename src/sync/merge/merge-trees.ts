import { TidemarkError } from '../../errors.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { equalEntries } from '../../tree/equal-entries.ts'
import type { BaseOf } from './base-of.ts'
import type { Conflict } from './conflict.ts'
import { followMoves } from './follow-moves.ts'
import { mendLinks } from './links.ts'
import { DirectoryMerge } from './merge-directories.ts'
import { compareEncodings } from './metadata.ts'
import { textMerger } from './merge-texts.ts'
import { NewNodes, type Put } from './new-nodes.ts'
import { readableSides } from './unreadable.ts'

/** A tree to be merged. */
export interface Side {
  readonly root: DirectoryEntry
  /** What to call it in the name of a conflict copy; may be empty. */
  readonly host: string
  readonly device: string
}

export interface MergeInput {
  /** The tree that both come from; undefined when there is none, or it is not known. */
  readonly base: DirectoryEntry | undefined
  readonly left: Side
  readonly right: Side
}

export interface MergeOptions extends CallOptions {
  /** Called for each new leaf and node of the merged tree, and for the lists of merged texts. */
  readonly put: Put
  /** Called for each chunk of merged texts. */
  readonly putContent: Put
  /** For a tree that is only the base of another merge. */
  readonly baseOf?: BaseOf | undefined
}

export interface Merged {
  readonly root: DirectoryEntry
  /** In no particular order, but the same whichever side was called left. */
  readonly conflicts: readonly Conflict[]
}

/**
 * Merges two trees as docs/format/merge.md says. `store` gives all three trees, and contents when texts are to be
 * merged. The result does not depend on which side is called left. Reads what both sides have changed, and nothing
 * below a directory that one of them alone has.
 */
export async function mergeTrees(store: Store, input: MergeInput, options: MergeOptions): Promise<Merged> {
  const { base } = input
  const [left, right] = inOrder(input.left, input.right)
  const [ours, theirs] = readableSides({ base, left: left.root, right: right.root })
  if (ours?.kind !== 'directory' || theirs?.kind !== 'directory')
    throw new TidemarkError('usage', 'only directories can be merged')
  if (equalEntries(ours, theirs)) return { root: ours, conflicts: [] }
  if (base && equalEntries(base, ours)) return { root: theirs, conflicts: [] }
  if (base && equalEntries(base, theirs)) return { root: ours, conflicts: [] }

  const { signal, put, baseOf } = options
  const nodes = new NewNodes(store)
  const hosts = { left: left.host, right: right.host }
  const mergeText = await textMerger(store, base, options, { signal })
  let merge = new DirectoryMerge(nodes, hosts, mergeText, { signal, baseOf })
  let root = await merge.merge('', base, ours, theirs)
  const trees = base && { base, left: ours, right: theirs }
  const followed = trees && merge.mayHaveMoved ? await followMoves(nodes, trees, { signal }) : undefined
  if (followed) {
    merge = new DirectoryMerge(nodes, hosts, mergeText, { signal, baseOf })
    root = await merge.merge('', followed.base, followed.left, followed.right)
  }
  const sides = [followed?.left ?? ours, followed?.right ?? theirs] as const
  root = await mendLinks(nodes, root, sides, followed?.moves ?? [], { signal })
  await nodes.handOver(root, put)
  return { root, conflicts: merge.conflicts }
}

/** So that it does not matter which side is called left. */
function inOrder(one: Side, other: Side): [left: Side, right: Side] {
  return compareEncodings(one.root, other.root) <= 0 ? [one, other] : [other, one]
}
