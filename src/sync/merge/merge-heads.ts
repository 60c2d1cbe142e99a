import { TidemarkError } from '../../errors.ts'
import { joinClocks } from '../../object/clock.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import { idOf, type Id } from '../../object/id.ts'
import { encodeSnapshot, type Snapshot } from '../../object/snapshot.ts'
import type { Store } from '../../store/store.ts'
import { placed } from '../base.ts'
import type { Head } from '../head.ts'
import type { BaseOf } from './base-of.ts'
import type { Conflict } from './conflict.ts'
import { mergeTrees, type MergeOptions, type Side } from './merge-trees.ts'
import { NewNodes } from './new-nodes.ts'

export interface MergeHeadsOptions extends MergeOptions {
  /** Finds the bases of two bases, where there are several; without it these are taken to have none. */
  readonly basesOf?: ((one: Head, other: Head) => Promise<readonly Head[]>) | undefined
}

export interface MergedHead {
  readonly head: Head
  /** The snapshot's encoding, which its id is the hash of. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly conflicts: readonly Conflict[]
}

/** The device of a merge: nobody's, so that whoever merges the same two makes the same third. */
export const noDevice: string = '0'.repeat(32)

/** Criss-cross merges are followed back this far. */
const maxBaseMerges = 32

/**
 * The merge of two snapshots, of which neither came before the other, given the last of those that came before both.
 * The same, byte for byte, whichever is called one. Trees and contents come from `store`.
 */
export async function mergeHeads(
  store: Store,
  one: Head,
  other: Head,
  bases: readonly Head[],
  options: MergeHeadsOptions,
): Promise<MergedHead> {
  const [a, b] = [one.snapshot, other.snapshot]
  if (a.folder !== b.folder) throw new TidemarkError('usage', 'these are snapshots of different folders')
  const nodes = new NewNodes(store)
  const base = await baseTree(nodes, bases, [a.root, b.root], options, { merges: maxBaseMerges })
  const { root, conflicts } = await mergeTrees(
    nodes,
    { base, left: sideOf(one), right: sideOf(other) },
    options,
  )
  const snapshot: Snapshot = {
    folder: a.folder,
    device: noDevice,
    host: '',
    path: '',
    time: Math.max(a.time, b.time),
    parents: [one.id, other.id].toSorted(),
    clock: joinClocks([placed(one), placed(other)]),
    root,
    message: '',
    tags: [],
    unreadable: a.unreadable + b.unreadable,
    unstable: a.unstable + b.unstable,
    program: '',
    contents: true,
  }
  const bytes = encodeSnapshot(snapshot)
  return { head: { id: idOf(bytes), snapshot }, bytes, conflicts }
}

/** How many merges are made for the sake of a base; in timelines of honest peers there are few. */
interface Budget {
  merges: number
}

/**
 * One tree for several bases: they are merged with one another, on their own bases, as git's recursive strategy does.
 * Its new nodes stay in `nodes`: nobody else needs them.
 */
async function baseTree(
  nodes: NewNodes,
  bases: readonly Head[],
  baseOf: BaseOf,
  options: MergeHeadsOptions,
  budget: Budget,
): Promise<DirectoryEntry | undefined> {
  const [first, ...others] = bases.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  if (first === undefined) return undefined
  const put = (_: Id, bytes: Uint8Array): undefined => void nodes.emit(new Uint8Array(bytes))
  let tree = first.snapshot.root
  for (const other of others) {
    if (budget.merges-- <= 0) break
    const older = (await options.basesOf?.(first, other)) ?? []
    const base = await baseTree(nodes, older, [tree, other.snapshot.root], options, budget)
    const sides = { left: { ...sideOf(first), root: tree }, right: sideOf(other) }
    // A copy that neither side ever had would look deleted on both, though they keep it under other names.
    const apart = { ...options, put, putContent: put, baseOf }
    const merged = await mergeTrees(nodes, { base, ...sides }, apart)
    tree = merged.root
  }
  return tree
}

function sideOf({ snapshot: { root, host, device } }: Head): Side {
  return { root, host, device }
}
