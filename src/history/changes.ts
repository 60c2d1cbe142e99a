import type { Folder } from '../folder/folder.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import type { Id } from '../object/id.ts'
import { namedChunks } from '../store/named-chunks.ts'
import type { Repository } from '../store/repository/repository.ts'
import type { Change } from '../tree/change.ts'
import { diffTrees } from './diff.ts'
import type { SnapshotReport } from './snapshot.ts'
import { watchFolder } from './watch.ts'
import type { WatchOptions } from './watch.ts'

export interface FolderChangesOptions extends WatchOptions {
  /** Reports a file, or a whole directory, that stands elsewhere with equal content as moved. True by default. */
  readonly detectMoves?: boolean | undefined
}

/** What a snapshot changed, compared with the one before it; everything is new in the first. */
export async function* reportChanges(
  repository: Repository,
  { id, parent, snapshot }: SnapshotReport,
  options: { readonly detectMoves?: boolean | undefined } = {},
): AsyncGenerator<Change> {
  if (id === undefined || snapshot === undefined) return
  const before = parent === undefined ? undefined : await repository.snapshots.read(parent)
  yield* diffTrees(namedChunks(repository), before?.root, snapshot.root, options)
}

/**
 * The changes of a folder as they happen, without end. It is watched, and a snapshot is taken whenever
 * something has changed (see {@link watchFolder}); the changes are what leads from each snapshot to the
 * next, the first of them from the last one there was. Between two snapshots what was undone is not told.
 */
export async function* folderChanges(
  folder: Folder,
  options: FolderChangesOptions = {},
): AsyncGenerator<Change> {
  const { detectMoves = true } = options
  let last: { id: Id; root: DirectoryEntry } | undefined
  for await (const report of watchFolder(folder, options)) {
    const { id: own, parent, snapshot } = report
    const repository = await folder.repository()
    const id = (own ?? parent)!
    const root = snapshot?.root ?? (await repository.snapshots.read(id)).root
    // Others may have taken snapshots in between, or have forgotten the last one.
    if (last && (await repository.snapshots.list()).includes(last.id)) {
      yield* diffTrees(namedChunks(repository), last.root, root, { detectMoves })
    } else yield* reportChanges(repository, report, { detectMoves })
    last = { id, root }
  }
}
