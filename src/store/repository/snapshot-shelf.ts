import { corrupt } from '../../errors.ts'
import { idOf, idToHex } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import { decodeSnapshot, encodeSnapshot } from '../../object/snapshot.ts'
import type { Snapshot } from '../../object/snapshot.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { idInName, snapshotName, snapshotPrefix } from './place.ts'

/** The snapshots of a repository, of all its folders. What was read once is kept: snapshots never change. */
export class SnapshotShelf {
  readonly #bucket: Bucket
  readonly #known = new Map<Id, Snapshot>()

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  async list(options?: CallOptions): Promise<Id[]> {
    const ids: Id[] = []
    for await (const { name } of this.#bucket.list(snapshotPrefix, options)) {
      const id = idInName(name)
      if (id !== undefined) ids.push(id)
    }
    return ids
  }

  /** Rejects `missing`, or `corrupt` when its bytes do not hash to `id`. */
  async read(id: Id, options?: CallOptions): Promise<Snapshot> {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    const bytes = await this.#bucket.get(snapshotName(id), options)
    if (idOf(bytes) !== id) throw corrupt(`snapshot ${idToHex(id)}`, 'its bytes do not match its name')
    const snapshot = decodeSnapshot(bytes)
    this.#known.set(id, snapshot)
    return snapshot
  }

  /** Durable once resolved. */
  async write(snapshot: Snapshot, options?: CallOptions): Promise<Id> {
    const bytes = encodeSnapshot(snapshot)
    const id = idOf(bytes)
    await this.#bucket.put(snapshotName(id), bytes, options)
    this.#known.set(id, snapshot)
    return id
  }

  async delete(id: Id, options?: CallOptions): Promise<void> {
    await this.#bucket.delete(snapshotName(id), options)
    this.#known.delete(id)
  }
}
