import type { Name } from '../../bytes/name.ts'
import { isIndexPath, isOwnPath, parseDetail, toBase64Url } from '../../recent/index.ts'
import type { LocalTree } from './local-tree.ts'
import type { MirrorState } from './mirror-state.ts'
import type { Item } from './state-item.ts'

/** What was found on disk. */
export interface TreeCheck {
  readonly items: number
  /** Not there, or not what the index says. Wanted again. */
  readonly broken: readonly Name[]
  /** There, but not listed. */
  readonly extra: readonly Name[]
}

export interface TreeCheckOptions {
  readonly state: MirrorState
  readonly tree: LocalTree
  /** What the names of indexes begin with. */
  readonly root: string
  readonly signal: AbortSignal
  readonly onProgress: (items: number) => void
}

/** So many are named. */
const mostNamed = 10_000

/** Reads the whole tree again, files that seem unchanged too, and compares it with what is known of the origin. */
export function checkTree(options: TreeCheckOptions): TreeCheck {
  const { state, tree, signal, onProgress } = options
  const broken: Name[] = []
  let items = 0
  for (const item of state.items.all()) {
    if (signal.aborted) break
    if (item.gone) continue
    if (!isWhole(tree, item)) {
      // What has been set aside is seen to in its own time.
      if (item.tries === 0) state.work.want(item.path, 0, items)
      if (broken.length < mostNamed) broken.push(item.path)
    }
    onProgress(++items)
  }
  const extra: Name[] = []
  if (!signal.aborted) findExtra('', options, extra)
  return { items, broken, extra }
}

function isWhole(tree: LocalTree, { path, detail: text }: Item): boolean {
  const stat = tree.stat(path)
  if (stat === undefined) return false
  if (text === '') return true
  const detail = parseDetail(text)
  if (stat.kind !== detail.kind) return false
  if (detail.kind === 'symlink') return tree.target(path) === detail.target
  if ((stat.mode & 0o777) !== (detail.mode & 0o777)) return false
  if (detail.kind === 'directory') return true
  if (stat.size !== detail.size || stat.mtimeNs !== detail.mtimeNs) return false
  const hash = tree.hash(path)
  return hash !== undefined && toBase64Url(hash) === detail.hash
}

function findExtra(directory: Name, options: TreeCheckOptions, extra: Name[]): void {
  const { state, tree, root, signal } = options
  for (const name of tree.names(directory)) {
    if (signal.aborted || extra.length >= mostNamed) return
    const path = directory === '' ? name : `${directory}/${name}`
    if (isOwnPath(path) || isIndexPath(path, root)) continue
    if (tree.stat(path)?.kind === 'directory') findExtra(path, options, extra)
    else if (state.items.find(path)?.gone !== false) extra.push(path)
  }
}
