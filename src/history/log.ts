import { isTidemarkError } from '../errors.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { SnapshotShelf } from '../store/repository/snapshot-shelf.ts'

export interface LoggedSnapshot {
  readonly id: Id
  readonly snapshot: Snapshot
}

export interface LogOptions extends CallOptions {
  /** Only those of this folder (32 hexadecimal digits). */
  readonly folder?: string | undefined
  /** Called for a snapshot that cannot be read as one, which is then left out. Without it, that rejects. */
  readonly onDamaged?: ((id: Id, error: Error) => void) | undefined
}

/** Snapshots read at once. */
const concurrency = 16

/**
 * All snapshots, newest first: each before its parents, otherwise by time, at equal times by id. A snapshot
 * that another process deletes meanwhile may be left out.
 */
export async function listSnapshots(
  repository: { readonly snapshots: Pick<SnapshotShelf, 'list' | 'read'> },
  options: LogOptions = {},
): Promise<LoggedSnapshot[]> {
  const { folder, onDamaged, signal } = options
  const waiting = await repository.snapshots.list({ signal })
  const found: LoggedSnapshot[] = []
  const readAll = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      try {
        const snapshot = await repository.snapshots.read(id, { signal })
        if (folder === undefined || snapshot.folder === folder) found.push({ id, snapshot })
      } catch (error) {
        if (isTidemarkError(error, 'missing')) continue
        if (onDamaged === undefined || !isTidemarkError(error, 'corrupt', 'unsupported')) throw error
        onDamaged(id, error)
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, readAll))
  return newestFirst(found)
}

/** Puts each snapshot before its parents, otherwise the later one first, at equal times the lesser id. */
export function newestFirst(snapshots: readonly LoggedSnapshot[]): LoggedSnapshot[] {
  const sorted = snapshots.toSorted((a, b) => b.snapshot.time - a.snapshot.time || (a.id < b.id ? -1 : 1))
  const places = new Map(sorted.map(({ id }, place) => [id, place]))
  const parents = sorted.map(({ snapshot }) =>
    snapshot.parents.map((id) => places.get(id)).filter((place) => place !== undefined),
  )
  const children = new Uint32Array(sorted.length)
  for (const place of parents.flat()) children[place]!++

  // Places whose children all stand already, descending: the last is the next. Hardly ever more than a few.
  const ready = [...sorted.keys()].filter((place) => children[place] === 0).toReversed()
  const ordered: LoggedSnapshot[] = []
  for (let place = ready.pop(); place !== undefined; place = ready.pop()) {
    ordered.push(sorted[place]!)
    for (const parent of parents[place]!) {
      if (--children[parent]! === 0) insertDescending(ready, parent)
    }
  }
  return ordered
}

function insertDescending(numbers: number[], number: number): void {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numbers[middle]! > number) low = middle + 1
    else high = middle
  }
  numbers.splice(low, 0, number)
}

/**
 * What each snapshot came after, as places in `snapshots`, which come newest first. Of several, first the one
 * to follow when walking back in one line: the newest one by the device `own`, else by the same device, else the newest of
 * all: a merge, which no device has made, came after what was here. Where retention has removed all parents of a snapshot, the next older one of its folder stands in for them.
 */
export function lineage(snapshots: readonly LoggedSnapshot[], own?: string): readonly number[][] {
  const places = new Map(snapshots.map(({ id }, place) => [id, place]))
  const olderInFolder = new Map<string, number>()
  const lines: number[][] = []
  for (let place = snapshots.length - 1; place >= 0; place--) {
    const { parents, device, folder } = snapshots[place]!.snapshot
    const kept = parents.map((id) => places.get(id)).filter((parent) => parent !== undefined)
    const foreign = (parent: number): number => {
      const by = snapshots[parent]!.snapshot.device
      return by === own ? 0 : by === device ? 1 : 2
    }
    const standIn = olderInFolder.get(folder)
    if (kept.length === 0 && parents.length > 0 && standIn !== undefined) kept.push(standIn)
    lines.push(kept.toSorted((a, b) => foreign(a) - foreign(b) || a - b))
    olderInFolder.set(folder, place)
  }
  return lines.toReversed()
}
