import { TidemarkError } from '../../errors.ts'
import type { ContentRef } from '../../object/content.ts'
import type { Id } from '../../object/id.ts'
import { decodeLeaf, decodeNode } from '../../object/tree.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'

/** A tree of a hundred million entries has not as many. */
const mostNodes = 4_000_000
/** Nodes read at a time. */
const atOnce = 16

/** The ids of all nodes and leaves of all directories of a tree, each once, some at a time. */
export async function* treeNodes(
  store: Store,
  root: ContentRef,
  options: CallOptions = {},
): AsyncGenerator<readonly Id[], void> {
  const met = new Set<Id>([root.id])
  const pending: ContentRef[] = [root]
  while (pending.length > 0) {
    const some = pending.splice(-atOnce)
    yield some.map(({ id }) => id)
    const below = await Promise.all(some.map((node) => nodesBelow(store, node, options)))
    for (const node of below.flat()) {
      if (met.has(node.id)) continue
      met.add(node.id)
      pending.push(node)
    }
    if (met.size > mostNodes) throw new TidemarkError('limit', `a tree of more than ${mostNodes} nodes`)
  }
}

async function nodesBelow(
  store: Store,
  { id, depth }: ContentRef,
  options: CallOptions,
): Promise<ContentRef[]> {
  const bytes = await store.get(id, options)
  if (depth > 0) return decodeNode(bytes, depth).map((item) => ({ id: item.id, depth: depth - 1 }))
  return decodeLeaf(bytes).flatMap((entry) => {
    return entry.kind === 'directory' && entry.content !== undefined ? [entry.content] : []
  })
}
