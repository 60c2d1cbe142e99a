import { isTidemarkError } from '../errors.ts'
import type { Folder } from '../folder/folder.ts'
import { compareClocks } from '../object/clock.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import type { Repository } from '../store/repository/repository.ts'

/** What a new snapshot of a folder comes after. */
export interface Parent {
  readonly id: Id
  /** The snapshot that the folder's state belongs to; undefined when the state is of no use. */
  readonly base: Id | undefined
  /** The folder has gone on to a snapshot of another copy of which the state does not tell. */
  readonly isAhead: boolean
}

interface Own {
  readonly id: Id
  readonly snapshot: Snapshot
}

/**
 * Finds the last snapshot whose tree this copy of the folder has held: one that it took, or one of another copy that
 * it has moved on to. Nearly always it is the state's base. It comes after that when the process was killed between
 * publishing it and noting it, and it has to be looked for when the state was lost. Snapshots not seen before are
 * read for that, once.
 *
 * Of other copies' snapshots only the one that the folder has noted counts (`Folder.notedHead`), which it is only
 * after all of it was in the working files: what the folder never had must not come before what it has, or older
 * contents would stand there as changes to newer ones. Where in doubt the older one is taken, and what it lacks shows
 * as changes that others made too.
 */
export async function findParent(folder: Folder, repository: Repository): Promise<Parent | undefined> {
  const state = folder.state()
  const ids = await repository.snapshots.list()
  let base = state.base
  if (base !== undefined && !ids.includes(base)) {
    state.clear()
    base = undefined
  }
  const own: Own[] = []
  for (const id of state.unseen(ids)) {
    const snapshot = await readIfThere(repository, id)
    if (snapshot?.folder === folder.settings.folder && snapshot.device === folder.settings.device) {
      own.push({ id, snapshot })
    }
    state.see(id)
  }
  const last = lastOf(base ?? newestTip(own), own)
  const noted = await folder.notedHead()
  const isNewer =
    noted !== undefined && ids.includes(noted) && (await comesAfter(repository, folder, noted, last))
  const id = isNewer ? lastOf(noted, own) : last
  return id === undefined ? undefined : { id, base, isAhead: isNewer }
}

/** The last of the copy's own snapshots in a row after `id`. */
function lastOf(id: Id | undefined, own: readonly Own[]): Id | undefined {
  for (let last = id; last !== undefined;) {
    const after = last
    const next = own.find(({ snapshot }) => snapshot.parents.includes(after))
    if (next === undefined) return last
    last = next.id
  }
  return undefined
}

/** The last of a copy's own snapshots, by its count of them; by their times where they have none. */
function newestTip(own: readonly Own[]): Id | undefined {
  const before = new Set(own.flatMap(({ snapshot }) => snapshot.parents))
  const tips = own.filter(({ id }) => !before.has(id))
  const newest = tips.toSorted((a, b) => countOf(b) - countOf(a) || b.snapshot.time - a.snapshot.time)[0]
  return newest?.id
}

function countOf({ snapshot: { clock, device } }: Own): number {
  return clock.find((tick) => tick.device === device)?.count ?? 0
}

async function comesAfter(
  repository: Repository,
  folder: Folder,
  id: Id,
  other: Id | undefined,
): Promise<boolean> {
  if (id === other) return false
  const snapshot = await readIfThere(repository, id)
  if (snapshot?.folder !== folder.settings.folder) return false
  const before = other === undefined ? undefined : await readIfThere(repository, other)
  if (before === undefined) return true
  return compareClocks({ id, clock: snapshot.clock }, { id: other!, clock: before.clock }) === 'after'
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
