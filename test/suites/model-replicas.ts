import { compareClocks, nextClock } from '../../src/object/clock.ts'
import { encodeSnapshot, type Snapshot } from '../../src/object/snapshot.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { lastCommon, placed } from '../../src/sync/base.ts'
import type { Head } from '../../src/sync/head.ts'
import { mergeHeads } from '../../src/sync/merge/merge-heads.ts'
import { putInto } from './merging.ts'
import {
  copyModel,
  editModel,
  emptyModel,
  plantModel,
  type ModelDirectory,
  type ModelEdit,
} from './model-tree.ts'
import { folderId } from './timeline.ts'
import { modelOf } from './model-of-tree.ts'

/** Replicas of one folder that have nothing but their trees: no files, no transport. All snapshots are kept. */
export class ModelReplicas {
  readonly store: MemoryStore = new MemoryStore()
  readonly heads: Head[] = []
  readonly snapshots: Map<Id, Head> = new Map()
  merges = 0
  #writes = 0

  /** Replicas of one empty folder, or of folders that were never introduced. */
  static async make(count: number, introduced: boolean): Promise<ModelReplicas> {
    const replicas = new ModelReplicas()
    for (let n = 0; n < count; n++) {
      const first = replicas.heads[0]
      if (introduced && first) replicas.heads.push(first)
      else replicas.heads.push(await replicas.#snapshot(n, emptyModel(), []))
    }
    return replicas
  }

  async edit(n: number, edits: readonly ModelEdit[]): Promise<void> {
    const head = this.heads[n]!
    const model = copyModel(await modelOf(this.store, head.snapshot.root))
    editModel(model, edits, `${n} wrote ${this.#writes++}: `)
    this.heads[n] = await this.#snapshot(n, model, [head])
  }

  /** Makes two of them equal, as a session does. */
  async exchange(n: number, m: number): Promise<void> {
    await this.pull(n, m)
    await this.pull(m, n)
  }

  /** One of them takes in what the other has; the other goes on without knowing of it. */
  async pull(n: number, m: number): Promise<void> {
    const [mine, theirs] = [this.heads[n]!, this.heads[m]!]
    const order = compareClocks(placed(mine), placed(theirs))
    if (order === 'before' || (order === 'equal' && theirs.id < mine.id)) this.heads[n] = theirs
    if (order !== 'concurrent') return
    const basesOf = (one: Head, other: Head): Promise<Head[]> => lastCommon(one, other, this)
    const bases = await basesOf(mine, theirs)
    const options = { ...putInto(this.store), basesOf }
    const { head } = await mergeHeads(this.store, mine, theirs, bases, options)
    this.snapshots.set(head.id, head)
    this.heads[n] = head
    this.merges++
  }

  async snapshot(id: Id): Promise<Head | undefined> {
    return this.snapshots.get(id)
  }

  async #snapshot(n: number, model: ModelDirectory, parents: readonly Head[]): Promise<Head> {
    const device = `${n + 1}`.repeat(32)
    const snapshot: Snapshot = {
      folder: folderId,
      device,
      host: `host ${n}`,
      path: '/folder',
      time: this.snapshots.size,
      parents: parents.map(({ id }) => id),
      clock: nextClock(parents.map(placed), device),
      root: await plantModel(this.store, model),
      message: '',
      tags: [],
      unreadable: 0,
      unstable: 0,
      program: 'test',
      contents: true,
    }
    const head = { id: idOf(encodeSnapshot(snapshot)), snapshot }
    this.snapshots.set(head.id, head)
    return head
  }
}
