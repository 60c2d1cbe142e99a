import type { Folder } from '../folder/folder.ts'
import { InlineIngest } from '../folder/ingest/inline-ingest.ts'
import type { Problem, ScanCounts, ScanMemory } from '../folder/scan/scan.ts'
import { Scanner } from '../folder/scan/scanner.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import type { Id } from '../object/id.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { MemoryStore } from '../store/memory-store.ts'
import { namedChunks } from '../store/named-chunks.ts'
import type { Store } from '../store/store.ts'
import { carryOf } from './carry-of.ts'
import { diffTrees } from './diff.ts'
import type { Change } from '../tree/change.ts'

export interface CurrentTree {
  readonly root: DirectoryEntry
  /**
   * Has the trees and lists of `root`, and what the repository has; not the content of changed files. Rejects `corrupt`
   * for what the repository has lost.
   */
  readonly store: Store
  /** The snapshot that it was compared with to know what has changed, and the root of that. */
  readonly base: Id | undefined
  readonly before: DirectoryEntry | undefined
  readonly counts: ScanCounts
  readonly problems: readonly Problem[]
}

export interface CurrentOptions {
  /** Only what is on the disk: of a shared folder not what is left out here and others have. */
  readonly onDisk?: boolean | undefined
  readonly oneFileSystem?: boolean | undefined
  readonly onProgress?: ((counts: ScanCounts) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** How many changed files wait before they are read. */
const filesAtOnce = 256

/**
 * The folder's tree as it is now, without recording anything: files that have changed since the last
 * snapshot are read and hashed, the others are not.
 */
export async function currentTree(folder: Folder, options: CurrentOptions = {}): Promise<CurrentTree> {
  folder.checkPresent()
  const repository = await folder.repository()
  const state = folder.state()
  const fresh = new MemoryStore()
  const problems: Problem[] = []
  state.beginReading()
  try {
    const { base } = state
    const known = base !== undefined && (await repository.snapshots.list(options)).includes(base)
    const before = known ? (await repository.snapshots.read(base, options)).root : undefined
    const scan = await new Scanner({
      root: folder.root,
      before,
      memory: known ? readOnly(state) : nothing,
      ingest: new InlineIngest(() => undefined, filesAtOnce, options.signal),
      put: (id, bytes) => fresh.put(id, bytes),
      excluded: folder.excluded,
      carry: options.onDisk === true ? undefined : carryOf(await folder.held(), repository),
      oneFileSystem: options.oneFileSystem,
      onProblem: (problem) => problems.push(problem),
      onProgress: options.onProgress,
      signal: options.signal,
    }).run()
    folder.checkPresent()
    const store = new LayeredStore([fresh, namedChunks(repository)])
    return { root: scan.root, store, base: known ? base : undefined, before, counts: scan.counts, problems }
  } finally {
    state.rollback()
  }
}

/** What a snapshot taken now would change, compared with the last one. */
export async function* folderStatus(folder: Folder, options: CurrentOptions = {}): AsyncGenerator<Change> {
  const { store, before, root } = await currentTree(folder, options)
  yield* diffTrees(store, before, root, { detectMoves: true })
}

function readOnly(memory: ScanMemory): ScanMemory {
  return { ...nothing, leaves: (directory) => memory.leaves(directory) }
}

/** Remembers nothing, so that everything is read. */
const nothing: ScanMemory = { leaves: () => [], put() {}, delete() {}, deleteBelow() {} }
