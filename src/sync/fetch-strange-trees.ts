import type { DirectoryEntry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import { fetchTrees } from './fetch-trees.ts'
import type { Head } from './head.ts'
import type { Peer } from './peer.ts'
import { fetchPieces, type PieceStore } from './pieces.ts'
import { treeNodes } from './wire/tree-nodes.ts'

/** Two replicas that have never met, not even by way of others. */
export function areStrangers(one: Head, other: Head): boolean {
  const devices = new Set(one.snapshot.clock.map(({ device }) => device))
  return !other.snapshot.clock.some(({ device }) => devices.has(device))
}

/**
 * The same as {@link fetchTrees} where nothing is known of what the two have in common: a sketch of the nodes of the
 * other tree, as many bytes as there are differences, tells in a few round trips which of them are missing here, and
 * they come all at once. What that leaves out is found on the way down.
 */
export async function fetchStrangeTrees(
  store: PieceStore,
  peer: Peer,
  wanted: DirectoryEntry,
  known: DirectoryEntry,
  options: CallOptions = {},
): Promise<void> {
  const root = wanted.content
  const own = known.content
  // Against nothing there is nothing to compare.
  if (root !== undefined && own !== undefined && root.id !== own.id && peer.missingNodes !== undefined) {
    for await (const ids of peer.missingNodes(root, treeNodes(store, own, options), options)) {
      const pieces = ids.map((id) => ({ id, level: 0, like: undefined }))
      for await (const _ of fetchPieces(store, peer, pieces, options)) {
        // They are put where they belong.
      }
    }
  }
  await fetchTrees(store, peer, wanted, known, options)
}
