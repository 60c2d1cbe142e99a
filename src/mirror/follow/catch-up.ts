import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, type TidemarkError } from '../../errors.ts'
import { throwIfCancelled } from '../../store/call.ts'
import type { Transport } from '../transport/transport.ts'
import { Contents } from './contents.ts'
import { carryOutDeletes, type DeleteOptions } from './deletes.ts'
import { nothingDone, type Done } from './done.ts'
import { removeOldSketch } from './hand-on-sketch.ts'
import type { LocalTree } from './local-tree.ts'
import type { MirrorEvent } from './mirror-options.ts'
import type { MirrorState } from './mirror-state.ts'
import { publishHead, publishIndex } from './publish.ts'
import type { Look, OriginReader } from './read-origin.ts'
import type { WorkFiles } from './work-files.ts'

export interface CatchUpOptions {
  readonly transport: Transport
  readonly state: MirrorState
  readonly reader: OriginReader
  readonly tree: LocalTree
  readonly files: WorkFiles
  readonly jobs: number | undefined
  readonly skipDeletes: boolean
  readonly signal: AbortSignal
  readonly now: () => number
  /** Called when something has changed at a path. */
  readonly onTouched: (path: Name) => void
  readonly onEvent: ((event: MirrorEvent) => void) | undefined
}

/** While much is to be fetched, the origin is looked at again after so many milliseconds: the newest comes first. */
const lookAgain = 20_000
const progressEvery = 200

/** Carries out what the indexes want: contents, then indexes, then the head, then deletes. */
export class CatchUp {
  readonly done: Done = nothingDone()
  readonly #options: CatchUpOptions
  readonly #contents: Contents
  readonly #deletes: DeleteOptions
  #left = 0
  #told = 0

  constructor(options: CatchUpOptions) {
    const { state, tree, now, onTouched, onEvent, skipDeletes } = options
    this.#options = options
    const onAside = (path: Name, error: TidemarkError): void => onEvent?.({ kind: 'aside', path, error })
    const shared = { state, tree, done: this.done, now, onTouched, onAside }
    this.#contents = new Contents({ ...options, ...shared, onProgress: () => this.#progress() })
    this.#deletes = { ...shared, skip: skipDeletes }
  }

  /** True when everything was read anew meanwhile. */
  async run(): Promise<boolean> {
    try {
      return await this.#run()
    } finally {
      await this.#contents.close()
    }
  }

  async #run(): Promise<boolean> {
    const { reader, tree, files, signal } = this.#options
    this.#countLeft()
    let full = false
    let looked = performance.now()
    let tier = 0
    while (tier < reader.copies.names().length) {
      throwIfCancelled(signal, 'mirror')
      if (await this.#contents.some(tier)) {
        if (performance.now() - looked < lookAgain) continue
        const look = await this.#lookAgain()
        looked = performance.now()
        full ||= look?.full === true
        if (look?.same === false) tier = 0
        this.#countLeft()
        continue
      }
      if (!reader.hasHead) {
        // Before an index is seen, what it names survives a power cut.
        publishIndex(files.root, reader, tier, await tree.settle())
        carryOutDeletes(tier, this.#deletes)
      }
      tier++
    }
    await this.#finish()
    return full
  }

  async #finish(): Promise<void> {
    const { state, reader, tree, files, signal } = this.#options
    const isDurable = await tree.settle()
    const last = reader.copies.names().length
    // With a head all of them change at once: what it tells of them is then true.
    if (reader.hasHead)
      for (let tier = last - 1; tier >= 0; tier--) publishIndex(files.root, reader, tier, isDurable)
    publishHead(files.root, reader, isDurable)
    removeOldSketch(state, files.root, reader.publishedHead(files.root), reader.root)
    carryOutDeletes(last, this.#deletes)
    // What a directory or file that has gone by now was in the way of.
    if (this.done.deleted > 0 && this.#retryBlocked())
      while (await this.#contents.some(last)) throwIfCancelled(signal, 'mirror')
  }

  /** An origin that is out of reach for the moment is no reason to stop fetching. */
  async #lookAgain(): Promise<Look | undefined> {
    try {
      return await this.#options.reader.look()
    } catch (error) {
      if (isTidemarkError(error, 'unavailable', 'timeout', 'conflict')) return undefined
      throw error
    }
  }

  #retryBlocked(): boolean {
    const { state } = this.#options
    const blocked = state.work.asides(1000).filter(({ reason }) => /\bstands\b/.test(reason))
    for (const { path } of blocked) state.work.retry(path)
    return blocked.length > 0
  }

  #countLeft(): void {
    this.#left = this.#options.state.counts().wanted
  }

  #progress(): void {
    const now = performance.now()
    if (now - this.#told < progressEvery) return
    this.#told = now
    const { files, moved, found, links, directories } = this.done
    const left = Math.max(0, this.#left - files - moved - found - links - directories)
    this.#options.onEvent?.({ kind: 'progress', done: this.done, left })
  }
}
