import type { Name } from '../../bytes/name.ts'
import { checkApart } from '../../folder/check-apart.ts'
import { throwIfCancelled } from '../../store/call.ts'
import {
  fromDatabase,
  isBusyDatabase,
  isDamagedDatabase,
  isRefusedByDisk,
} from '../../store/database-error.ts'
import { directoryOf } from '../../tree/path.ts'
import { openTransport } from '../transport/open-transport.ts'
import type { Transport } from '../transport/transport.ts'
import { CatchUp } from './catch-up.ts'
import { checkTree } from './check-tree.ts'
import { removeEmptied } from './deletes.ts'
import { nothingDone, type Done } from './done.ts'
import { Generations } from './generations.ts'
import { handOnSketch } from './hand-on-sketch.ts'
import { LocalTree } from './local-tree.ts'
import type { MirrorOptions, MirrorReport, VerifyReport } from './mirror-options.ts'
import { MirrorState } from './mirror-state.ts'
import { prove } from './prove.ts'
import { OriginReader, type LookOptions } from './read-origin.ts'
import { watchOrigin } from './watch-origin.ts'
import { clearIncoming, openWorkFiles, type WorkFiles } from './work-files.ts'

/** A mirror of an origin in a directory. One process at a time. */
export class Mirror {
  readonly state: MirrorState
  readonly transport: Transport
  readonly reader: OriginReader
  readonly tree: LocalTree
  readonly #options: MirrorOptions
  readonly #files: WorkFiles
  readonly #now: () => number
  #refused = 0
  #isClosed = false
  readonly #generations: Generations
  /** Since the link was turned last. */
  #hasWorked = true

  constructor(options: MirrorOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    // What it does not list would be deleted from the origin, or listed by it.
    if (options.source.kind === 'directory' && options.transport === undefined)
      checkApart(options.source.base, options.directory)
    this.#files = openWorkFiles(options.directory)
    try {
      this.state = MirrorState.open(this.#files.state)
    } catch (error) {
      this.#files.close()
      throw error
    }
    const { source, directory, signal, requireSignature = false, key } = options
    const { incoming, indexes, root } = this.#files
    this.transport =
      options.transport ?? openTransport(source, { ...options, scratch: incoming, local: directory })
    this.reader = new OriginReader(this.transport, this.state, {
      principal: source.principal,
      requireSignature,
      key,
      directory,
      indexes,
      signal,
      now: this.#now,
      onRefused: (error) => {
        this.#refused++
        options.onEvent?.({ kind: 'refused', error })
      },
    })
    this.tree = new LocalTree(root, (path) => this.#mayRemove(path))
    const grace = options.grace ?? 10_000
    this.#generations = new Generations(directory, this.state, this.tree, { grace, now: this.#now })
    const isUnfinished = this.state.get('unfinished') === '1' || this.state.work.nextDue() !== undefined
    clearIncoming(this.#files, (name) => isUnfinished && name.startsWith('h-'))
    if (isUnfinished) this.#clear()
    this.#meet(this.transport.name)
    if (options.forgetKey === true) for (const key of ['key', 'sequence']) this.state.set(key, undefined)
    if (options.skipDeletes !== true && this.state.work.unkeep() > 0) this.state.set('unfinished', '1')
  }

  /** What another way to the origin, or another origin, said of the state of files means nothing here. */
  #meet(source: string): void {
    const { state, reader } = this
    if (state.get('source') === source) return
    state.step(() => {
      state.set('head', undefined)
      for (let tier = 0; ; tier++) {
        const copy = reader.copies.at(tier)
        if (copy === undefined) break
        reader.copies.note(tier, { ...copy, state: undefined })
      }
      state.set('source', source)
    })
  }

  /** What a mirror that was killed has left stands beside what it had not settled. */
  #clear(): void {
    const directories = new Set<Name>()
    for (const path of this.state.work.unsettled()) directories.add(directoryOf(path))
    for (const path of directories) this.tree.clear(path)
  }

  /** Something that is in the way: is it ours, and listed as deleted? */
  #mayRemove(path: Name): boolean {
    const item = this.state.items.find(path)
    return item?.gone === true
  }

  get files(): WorkFiles {
    return this.#files
  }

  /**
   * Looks at the origin once, and does all that is new; `anew` compares everything. Rejects when the origin is out of
   * reach or not to be believed; items that cannot be had are set aside.
   */
  async catchUp(options?: LookOptions): Promise<MirrorReport> {
    try {
      return await this.#catchUp(options)
    } catch (error) {
      throw this.#explained(error)
    }
  }

  /** What the state's database throws says nothing of where, nor what could be done. */
  #explained(error: unknown): unknown {
    const isDatabases = isBusyDatabase(error) || isDamagedDatabase(error) || isRefusedByDisk(error)
    return isDatabases ? fromDatabase(error, `write ${this.#files.state}`, this.#files.state) : error
  }

  async #catchUp({ anew = false, wait }: LookOptions = {}): Promise<MirrorReport> {
    let done = nothingDone()
    this.#refused = 0
    const { state, reader } = this
    const { signal } = this.#options
    const taken = state.work.takeUp(this.#now())
    const look = await reader.look({ anew, wait: taken > 0 ? undefined : wait })
    const unfinished = state.get('unfinished') === '1'
    let full = look.full
    if (!look.same || taken > 0 || unfinished || anew) {
      state.set('unfinished', '1')
      this.#hasWorked = true
      const work = this.#catchUpWork()
      done = work.done
      if (await work.run()) full = true
      throwIfCancelled(signal, 'mirror')
      state.set('unfinished', undefined)
    }
    if (full) state.set('items', String(state.items.count()))
    else if (done.more !== 0) state.set('items', String(Number(state.get('items') ?? 0) + done.more))
    this.#count(done)
    state.set('complete', String(this.#now()))
    const { current } = this.#options
    if (current !== undefined && (this.#hasWorked || !this.#generations.kept)) {
      await this.#generations.turn(current, signal)
      this.#hasWorked = false
    }
    const waiting = state.work.nextDue() === undefined ? 0 : state.counts().aside
    const report = {
      ...done,
      unchanged: look.same && taken === 0 && !unfinished,
      full,
      waiting,
      refused: this.#refused,
    }
    this.#options.onEvent?.({ kind: 'complete', report })
    return report
  }

  #catchUpWork(): CatchUp {
    const { transport, state, reader, tree } = this
    const { jobs, skipDeletes = false, signal, onEvent } = this.#options
    const onTouched = (path: Name): void => this.#generations.note(path)
    const [files, now] = [this.#files, this.#now]
    return new CatchUp({
      transport,
      state,
      reader,
      tree,
      files,
      jobs,
      skipDeletes,
      signal,
      now,
      onTouched,
      onEvent,
    })
  }

  /**
   * Proves the mirror complete, and makes it so: everything here is read again and compared with what is known of
   * the origin, and that with what the origin's head sums up. What differs is repaired.
   */
  async verify(onProgress: (items: number) => void = () => {}): Promise<VerifyReport> {
    const { state, tree, reader } = this
    const { signal, skipDeletes = false } = this.#options
    let report = await this.catchUp()
    const head = reader.publishedHead(this.#files.root)
    const proof = head === undefined ? 'unknown' : await prove(state, head, this.transport, signal)
    if (typeof proof === 'object' && proof.lacking === 0) {
      const rank = Number(state.get('rank') ?? 0)
      for (const path of proof.extra) state.work.retire(path, rank)
    } else if (proof !== 'equal') report = await this.catchUp({ anew: true })
    const check = checkTree({ state, tree, root: reader.root, signal, onProgress })
    throwIfCancelled(signal, 'verify')
    let removed = 0
    if (!skipDeletes) {
      for (const path of check.extra) {
        if (!tree.remove(path)) continue
        removed++
        this.#generations.note(path)
      }
      const emptied = new Set(check.extra.map(directoryOf))
      removeEmptied(emptied, { state, tree, onTouched: (path) => this.#generations.note(path) })
    }
    state.set('unfinished', '1')
    const repair = await this.catchUp()
    const isProven =
      proof === 'equal' ||
      (head !== undefined && (await prove(state, head, this.transport, signal)) === 'equal')
    return {
      ...check,
      removed,
      proven: isProven,
      reread: report.full,
      repair,
    }
  }

  #count({ files, bytes, deleted }: Done): void {
    for (const [key, more] of Object.entries({ files, bytes, deleted })) {
      if (more > 0) this.state.set(`total ${key}`, String(Number(this.state.get(`total ${key}`) ?? 0) + more))
    }
  }

  /** Follows the origin until it is told to stop, with a look every `every` milliseconds. Rejects for what no waiting mends. */
  async watch(every: number): Promise<void> {
    const { transport, state } = this
    const { signal, onEvent } = this.#options
    await watchOrigin({
      every,
      transport,
      state,
      signal,
      now: this.#now,
      catchUp: (wait) => this.catchUp({ wait }),
      whenSettled: () => this.handOnSketch(),
      onEvent,
    })
  }

  /** To be called when all is complete. False when there was nothing to hand on. */
  async handOnSketch(): Promise<boolean> {
    const { state, transport, reader } = this
    const { root } = this.#files
    const head = reader.publishedHead(root)
    if (head === undefined) return false
    const [indexRoot, { signal }] = [reader.root, this.#options]
    const waiting = reader.copies.waiting(`${indexRoot}.sketch`)
    return handOnSketch({ state, transport, root, waiting, head, indexRoot, signal })
  }

  /** May be called more than once. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.tree.close()
    this.state.close()
    this.#files.close()
    await this.transport.close()
  }
}
