import type { Id } from '../../src/object/id.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import type { Head } from '../../src/sync/head.ts'
import type { Pending } from '../../src/sync/replica.ts'
import { nameOf } from '../../src/tree/path.ts'
import type { Absent } from './absent.ts'
import type { SimulatedDisk } from './disk.ts'

/** All that a replica has on its disk, and finds there when it starts again: working files and history. */
export class Drive {
  readonly disk: SimulatedDisk
  readonly chunks: MemoryStore
  readonly snapshots: Map<Id, Head>
  /** Those of which it has the trees alone. */
  readonly timelines: Set<Id>
  /** Which of the snapshots the working files came from. */
  newest: Head | undefined
  /** What its replica had set out to make of them. */
  pending: Pending | undefined
  readonly device: string
  /** Nothing of this name can be replaced or deleted, but by its user. */
  denied: string | undefined
  /** Nothing new can get this name, by whomever. */
  refused: string | undefined
  /** What of its newest snapshot is not on the disk, for that: by its path, none below another. */
  absent: Absent

  constructor(device: string, disk: SimulatedDisk, of?: Drive) {
    this.device = device
    this.disk = disk
    // Chunks are never changed, and never taken away here: copies may share them.
    this.chunks = of?.chunks ?? new MemoryStore()
    this.snapshots = new Map(of?.snapshots)
    this.timelines = new Set(of?.timelines)
    this.newest = of?.newest
    this.pending = of?.pending
    this.absent = of?.absent ?? new Map()
  }

  copy(device: string = this.device): Drive {
    return new Drive(device, this.disk.copy(), this)
  }

  /** Whether the system would refuse to make something at a path. */
  refuses(path: string): boolean {
    return nameOf(path) === this.refused && this.disk.at(path) === undefined
  }

  /** Keeps the newest snapshot alone, as one does who forgets all others. */
  forget(): void {
    const kept = new Set([this.newest?.id, this.pending?.from.id])
    for (const id of this.snapshots.keys()) if (!kept.has(id)) this.snapshots.delete(id)
  }
}
