import type { Name } from '../../bytes/name.ts'
import { directoryOf } from '../../tree/path.ts'
import type { TidemarkError } from '../../errors.ts'
import type { Done } from './done.ts'
import { backOff, problemOf } from './item-problem.ts'
import type { LocalTree } from './local-tree.ts'
import type { MirrorState } from './mirror-state.ts'

export interface DeleteOptions {
  readonly state: MirrorState
  readonly tree: LocalTree
  readonly skip: boolean
  readonly done: Done
  readonly now: () => number
  readonly onTouched: (path: Name) => void
  readonly onAside: (path: Name, error: TidemarkError) => void
}

const atOnce = 2000

/**
 * Deletes what the indexes up to `tier` list as deleted: files first, then the directories that have become empty by
 * it, the longest paths first. A directory that the origin lists, because it is empty there too, stays.
 */
export function carryOutDeletes(tier: number, options: DeleteOptions): void {
  const { state, tree, skip, done, now, onTouched, onAside } = options
  const emptied = new Set<Name>()
  for (;;) {
    const items = state.work.deletes(tier, atOnce)
    if (items.length === 0) break
    state.step(() => {
      for (const item of items) {
        const { path, have, tries } = item
        if (skip) {
          if (have === undefined) state.items.forget(path)
          else state.items.keep(item)
          continue
        }
        try {
          if (tree.remove(path)) {
            done.deleted++
            onTouched(path)
          }
          state.items.forget(path)
          if (have !== undefined) done.more--
          emptied.add(directoryOf(path))
        } catch (error) {
          const problem = problemOf(error)
          state.work.setAside(path, problem.message, now() + backOff(tries))
          done.aside++
          onAside(path, problem)
        }
      }
    })
  }
  removeEmptied(emptied, options)
}

/** Removes those of the directories, and of those above them, that are empty and not listed; longest first. */
export function removeEmptied(
  emptied: ReadonlySet<Name>,
  { state, tree, onTouched }: Pick<DeleteOptions, 'state' | 'tree' | 'onTouched'>,
): void {
  const byLength = new Set<Name>()
  for (let path of emptied) for (; path !== ''; path = directoryOf(path)) byLength.add(path)
  for (const path of [...byLength].toSorted((a, b) => b.length - a.length)) {
    if (state.items.find(path)?.gone === false) continue
    if (tree.removeDirectory(path)) onTouched(path)
  }
}
