import type { DirectoryEntry, Entry } from '../../src/object/entry.ts'
import type { Store } from '../../src/store/store.ts'
import type { Difference } from '../../src/tree/compare-directories.ts'
import { listBatches, lookUp } from '../../src/tree/directory.ts'
import { directoryOf, joinPath } from '../../src/tree/path.ts'
import type { Drive } from './drive.ts'

/** What a tree has and a disk has not, though nobody has deleted it: by its path, none below another. */
export type Absent = ReadonlyMap<string, Entry>

/** Makes the directories that they are in, where somebody has deleted them. */
export function keepPlaces({ disk, absent }: Drive, now: bigint): void {
  for (const path of absent.keys()) {
    const missing: string[] = []
    for (let at = directoryOf(path); disk.at(at) === undefined; at = directoryOf(at)) missing.unshift(at)
    for (const at of missing) disk.makeDirectory(at, 0o755, now)
  }
}

/** The same as far as it still is so: what stands in such a place now, or is above it, decides. */
export async function stillAbsent(
  { disk, absent }: Drive,
  root: DirectoryEntry,
  store: Store,
): Promise<Map<string, Entry>> {
  const still = new Map<string, Entry>()
  const add = async (path: string, entry: Entry): Promise<void> => {
    const here = disk.at(path)
    if (here === undefined) {
      // A file where one of its directories was: all of that stays.
      let top = path
      for (let at = directoryOf(path); at !== ''; at = directoryOf(at)) if (!disk.directory(at)) top = at
      still.set(top, top === path ? entry : (await lookUp(store, root, top))!)
    } else if (here.kind !== entry.kind) still.set(path, entry)
    else if (entry.kind === 'directory') {
      for await (const batch of listBatches(store, entry))
        for (const below of batch) await add(joinPath(path, below.name), below)
    } else if (here.mtimeNs !== entry.mtimeNs) still.set(path, entry)
  }
  for (const [path, entry] of absent) await add(path, entry)
  return still
}

/** Takes out of `differences` what concerns what is absent, and says what that is to be then. */
export function withoutAbsent(
  absent: Absent,
  differences: readonly Difference[],
): { readonly rest: readonly Difference[]; readonly absent: Map<string, Entry> } {
  const then = new Map(absent)
  const rest = differences.filter(({ path, after }) => {
    for (let at = directoryOf(path); at !== ''; at = directoryOf(at)) if (absent.has(at)) return false
    if (!absent.has(path)) return true
    if (after === undefined) then.delete(path)
    else then.set(path, after)
    return false
  })
  return { rest, absent: then }
}
