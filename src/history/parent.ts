import { isTidemarkError } from '../errors.ts'
import type { Folder } from '../folder/folder.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import type { Repository } from '../store/repository/repository.ts'

/** What a new snapshot of a folder comes after. */
export interface Parent {
  readonly id: Id
  /** The snapshot that the folder's state belongs to; undefined when the state is of no use. */
  readonly base: Id | undefined
}

/**
 * Finds the last snapshot that this copy of the folder took. Nearly always it is the state's base. It is a
 * child of that when the process was killed between publishing it and noting it, and it has to be looked for
 * when the state was lost. Snapshots not seen before are read for that, once.
 */
export async function findParent(folder: Folder, repository: Repository): Promise<Parent | undefined> {
  const state = folder.state()
  const ids = await repository.snapshots.list()
  let base = state.base
  if (base !== undefined && !ids.includes(base)) {
    state.clear()
    base = undefined
  }
  const own: { id: Id; snapshot: Snapshot }[] = []
  for (const id of state.unseen(ids)) {
    const snapshot = await readIfThere(repository, id)
    if (snapshot?.folder === folder.settings.folder && snapshot.device === folder.settings.device) {
      own.push({ id, snapshot })
    }
    state.see(id)
  }
  if (base !== undefined) {
    let id = base
    for (;;) {
      const next = own.find(({ snapshot }) => snapshot.parents.includes(id))
      if (next === undefined) return { id, base }
      id = next.id
    }
  }
  const before = new Set(own.flatMap(({ snapshot }) => snapshot.parents))
  const tips = own.filter(({ id }) => !before.has(id)).toSorted((a, b) => b.snapshot.time - a.snapshot.time)
  return tips[0] && { id: tips[0].id, base: undefined }
}

/** Undefined when it was forgotten since it was listed, or is damaged, which `verify` will tell. */
async function readIfThere(repository: Repository, id: Id): Promise<Snapshot | undefined> {
  try {
    return await repository.snapshots.read(id)
  } catch (error) {
    if (isTidemarkError(error, 'missing', 'corrupt', 'unsupported')) return undefined
    throw error
  }
}
