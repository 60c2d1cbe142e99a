import { hash } from 'node:crypto'
import { applyTrees, type Applied, type AppliedTrees } from '../../src/folder/apply/apply-trees.ts'
import type { Folder } from '../../src/folder/folder.ts'
import { selectedBy } from '../../src/folder/held.ts'
import { advanceFolder, type AdvancedFolder } from '../../src/history/advance.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import type { Last } from '../../src/history/taking.ts'
import { joinClocks } from '../../src/object/clock.ts'
import type { DirectoryEntry } from '../../src/object/entry.ts'
import { idOf } from '../../src/object/id.ts'
import { encodeSnapshot, type Snapshot } from '../../src/object/snapshot.ts'
import type { WritableStore } from '../../src/store/store.ts'

/** The folder's newest snapshot, after a look at it. */
export async function capture(folder: Folder): Promise<Last> {
  const { id, parent } = await takeSnapshot(folder)
  const repository = await folder.repository()
  const last = (id ?? parent)!
  return { id: last, snapshot: await repository.snapshots.read(last) }
}

/** A snapshot of another device with this tree, that comes after `from`. */
export function foreignSnapshot(from: Last, root: DirectoryEntry, device = 'another'): Last {
  const id = hash('sha256', device).slice(0, 32)
  const before = joinClocks([{ id: from.id, clock: from.snapshot.clock }])
  const count = (before.find((tick) => tick.device === id)?.count ?? 0) + 1
  const ticks = [...before.filter((tick) => tick.device !== id), { device: id, count, id: undefined }]
  const clock = ticks.toSorted((a, b) => (a.device < b.device ? -1 : 1))
  const about = { host: device, time: from.snapshot.time + 1, parents: [from.id], message: '', tags: [] }
  const snapshot: Snapshot = {
    ...from.snapshot,
    ...about,
    device: id,
    clock,
    root,
    contents: true,
    unreadable: 0,
    unstable: 0,
  }
  return { id: idOf(encodeSnapshot(snapshot)), snapshot }
}

export interface AdvanceOptions {
  /** In the place of what is applied by default. */
  readonly apply?: ((apply: () => Promise<AppliedTrees>) => Promise<Applied>) | undefined
  readonly everything?: boolean | undefined
}

/** Moves the folder on to a tree that `plant` puts into its repository, as another device's snapshot. */
export async function advanceTo(
  folder: Folder,
  from: Last,
  plant: (store: WritableStore) => Promise<DirectoryEntry>,
  options: AdvanceOptions = {},
): Promise<AdvancedFolder & { readonly to: Last; readonly applied: Applied | undefined }> {
  const repository = await folder.repository()
  const writer = await repository.write()
  try {
    const to = foreignSnapshot(from, await plant(writer))
    await writer.flush()
    let applied: Applied | undefined
    const held = await folder.held()
    const selected = held && selectedBy(held)
    const run = (): Promise<AppliedTrees> =>
      applyTrees(folder.root, from.snapshot.root, to.snapshot.root, {
        trees: repository,
        contents: repository,
        repository,
        leftOut: { excluded: folder.excluded, selected },
      })
    const apply = async (): Promise<Applied> => (applied = await (options.apply?.(run) ?? run()))
    const only = options.everything === true ? undefined : new Set<string>()
    const advanced = await advanceFolder(folder, { writer, from, to, apply, only })
    return { ...advanced, to, applied }
  } finally {
    await writer.close()
  }
}
