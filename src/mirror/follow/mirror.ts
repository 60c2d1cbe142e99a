import { setTimeout as sleep } from 'node:timers/promises'
import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { directoryOf } from '../../tree/path.ts'
import { throwIfCancelled } from '../../store/call.ts'
import type { Location } from '../transport/location.ts'
import { openTransport } from '../transport/open-transport.ts'
import type { Transport } from '../transport/transport.ts'
import { Contents, type Done } from './contents.ts'
import { checkTree, type TreeCheck } from './check-tree.ts'
import { carryOutDeletes, removeEmptied } from './deletes.ts'
import { Generations } from './generations.ts'
import { handOnSketch, removeOldSketch } from './hand-on-sketch.ts'
import { LocalTree } from './local-tree.ts'
import { MirrorState } from './mirror-state.ts'
import { prove } from './prove.ts'
import { publishHead, publishIndex } from './publish.ts'
import { OriginReader, type Look, type LookOptions } from './read-origin.ts'
import { clearIncoming, openWorkFiles, type WorkFiles } from './work-files.ts'

export interface MirrorOptions {
  readonly source: Location
  /** An absolute path; it is made. */
  readonly directory: string
  readonly signal: AbortSignal
  /** What the origin has deleted stays. */
  readonly skipDeletes?: boolean | undefined
  /** Bytes a second. */
  readonly bandwidth?: number | undefined
  readonly jobs?: number | undefined
  readonly requireSignature?: boolean | undefined
  /** The origin's public key, in base64url. */
  readonly key?: string | undefined
  /** The key and number of a head that are remembered do not count any more. */
  readonly forgetKey?: boolean | undefined
  /** A link that is turned to the tree whenever that is complete. */
  readonly current?: string | undefined
  /** For how many milliseconds what it led to before stays as it was. */
  readonly grace?: number | undefined
  /** Another way to the origin than `source` tells. */
  readonly transport?: Transport | undefined
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined
  readonly onEvent?: ((event: MirrorEvent) => void) | undefined
}

export type MirrorEvent =
  /** Some work was done: at most some times a second. */
  | { readonly kind: 'progress'; readonly done: Done; readonly left: number }
  /** An item was set aside, an event of the index refused. */
  | { readonly kind: 'aside'; readonly path: Name; readonly error: TidemarkError }
  | { readonly kind: 'refused'; readonly error: TidemarkError }
  /** The origin could not be followed just now; tried again after so many milliseconds. */
  | { readonly kind: 'failed'; readonly error: TidemarkError; readonly pause: number }
  /** The mirror is what the origin was when it was looked at. */
  | { readonly kind: 'complete'; readonly report: MirrorReport }

export interface MirrorReport extends Readonly<Done> {
  /** Nothing was new. */
  readonly unchanged: boolean
  /** Everything was read and compared. */
  readonly full: boolean
  /** Items that are set aside, from earlier as well. */
  readonly waiting: number
  /** Events that were refused. */
  readonly refused: number
}

export interface VerifyReport extends TreeCheck {
  /** Of what was not listed. */
  readonly removed: number
  /** What is known of the origin adds up to what its head says. */
  readonly proven: boolean
  /** The whole index was read again for it. */
  readonly reread: boolean
  readonly repair: MirrorReport
}

/** While much is to be fetched, the origin is looked at again after so many milliseconds: the newest comes first. */
const lookAgain = 20_000
const progressEvery = 200
const longestPause = 300_000
/** When nothing has changed for so many milliseconds, a sketch is worth the work. */
const settled = 60_000
/** Seconds; less than the time in which a transport expects something to come. */
const longestWait = 20

/** A mirror of an origin in a directory. One process at a time. */
export class Mirror {
  readonly state: MirrorState
  readonly transport: Transport
  readonly reader: OriginReader
  readonly tree: LocalTree
  readonly #options: MirrorOptions
  readonly #files: WorkFiles
  readonly #now: () => number
  #done: Done = nothingDone()
  #refused = 0
  #isClosed = false
  #lastProgress = 0
  #left = 0
  readonly #generations: Generations
  /** Since the link was turned last. */
  #hasWorked = true

  constructor(options: MirrorOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
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
    const isUnfinished = this.state.get('unfinished') === '1' || this.state.nextDue() !== undefined
    clearIncoming(this.#files, (name) => isUnfinished && name.startsWith('h-'))
    if (isUnfinished) this.#clear()
    this.#meet(this.transport.name)
    if (options.forgetKey === true) for (const key of ['key', 'sequence']) this.state.set(key, undefined)
    if (options.skipDeletes !== true && this.state.unkeep() > 0) this.state.set('unfinished', '1')
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
    for (const path of this.state.unsettled()) directories.add(directoryOf(path))
    for (const path of directories) this.tree.clear(path)
  }

  /** Something that is in the way: is it ours, and listed as deleted? */
  #mayRemove(path: Name): boolean {
    const item = this.state.find(path)
    return item?.gone === true
  }

  get files(): WorkFiles {
    return this.#files
  }

  /**
   * Looks at the origin once, and does all that is new; `anew` compares everything. Rejects when the origin is out of
   * reach or not to be believed; items that cannot be had are set aside.
   */
  async catchUp({ anew = false, wait }: LookOptions = {}): Promise<MirrorReport> {
    this.#done = nothingDone()
    this.#refused = 0
    const { state, reader } = this
    const { signal } = this.#options
    const taken = state.takeUp(this.#now())
    const look = await reader.look({ anew, wait: taken > 0 ? undefined : wait })
    const unfinished = state.get('unfinished') === '1'
    let full = look.full
    if (!look.same || taken > 0 || unfinished || anew) {
      state.set('unfinished', '1')
      this.#hasWorked = true
      if (await this.#work()) full = true
      throwIfCancelled(signal, 'mirror')
      state.set('unfinished', undefined)
    }
    if (full) state.countItems()
    else if (this.#done.more !== 0) {
      state.set('items', String(Number(state.get('items') ?? 0) + this.#done.more))
    }
    this.#count()
    state.set('complete', String(this.#now()))
    const { current } = this.#options
    if (current !== undefined && (this.#hasWorked || !this.#generations.kept)) {
      await this.#generations.turn(current, signal)
      this.#hasWorked = false
    }
    const waiting = state.nextDue() === undefined ? 0 : state.counts().aside
    const report = {
      ...this.#done,
      unchanged: look.same && taken === 0 && !unfinished,
      full,
      waiting,
      refused: this.#refused,
    }
    this.#options.onEvent?.({ kind: 'complete', report })
    return report
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
      for (const path of proof.extra) state.retire(path, rank)
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

  #count(): void {
    const { files, bytes, deleted } = this.#done
    for (const [key, more] of Object.entries({ files, bytes, deleted })) {
      if (more > 0) this.state.set(`total ${key}`, String(Number(this.state.get(`total ${key}`) ?? 0) + more))
    }
  }

  /** Contents, then indexes, then the head, then deletes. True when everything was read anew meanwhile. */
  async #work(): Promise<boolean> {
    const { state, reader, tree } = this
    const { transport = this.transport, signal, jobs, skipDeletes = false, onEvent } = this.#options
    const onAside = (path: Name, error: TidemarkError): void => onEvent?.({ kind: 'aside', path, error })
    const onTouched = (path: Name): void => this.#generations.note(path)
    const shared = { state, tree, done: this.#done, now: this.#now, onTouched, onAside }
    const onProgress = (): void => this.#progress()
    const contents = new Contents({
      ...shared,
      transport,
      files: this.#files,
      jobs,
      skipDeletes,
      signal,
      onProgress,
    })
    const deletes = { ...shared, skip: skipDeletes }
    this.#left = state.counts().wanted
    let full = false
    let looked = performance.now()
    let tier = 0
    while (tier < reader.copies.names().length) {
      throwIfCancelled(signal, 'mirror')
      if (await contents.some(tier)) {
        if (performance.now() - looked < lookAgain) continue
        const look = await this.#lookAgain()
        looked = performance.now()
        full ||= look?.full === true
        if (look?.same === false) tier = 0
        this.#left = state.counts().wanted
        continue
      }
      if (!reader.hasHead) {
        // Before an index is seen, what it names survives a power cut.
        publishIndex(this.#files.root, reader, tier, await tree.settle())
        carryOutDeletes(tier, deletes)
      }
      tier++
    }
    const isDurable = await tree.settle()
    const last = reader.copies.names().length
    // With a head all of them change at once: what it tells of them is then true.
    if (reader.hasHead)
      for (let tier = last - 1; tier >= 0; tier--) publishIndex(this.#files.root, reader, tier, isDurable)
    publishHead(this.#files.root, reader, isDurable)
    removeOldSketch(state, this.#files.root, reader.publishedHead(this.#files.root), reader.root)
    carryOutDeletes(last, deletes)
    // What a directory or file that has gone by now was in the way of.
    if (this.#done.deleted > 0 && this.#retryBlocked())
      while (await contents.some(last)) throwIfCancelled(signal, 'mirror')
    return full
  }

  /** An origin that is out of reach for the moment is no reason to stop fetching. */
  async #lookAgain(): Promise<Look | undefined> {
    try {
      return await this.reader.look()
    } catch (error) {
      if (isTidemarkError(error, 'unavailable', 'timeout', 'conflict')) return undefined
      throw error
    }
  }

  #retryBlocked(): boolean {
    const blocked = this.state.asides(1000).filter(({ reason }) => /\bstands\b/.test(reason))
    for (const { path } of blocked) this.state.retry(path)
    return blocked.length > 0
  }

  #progress(): void {
    const now = performance.now()
    if (now - this.#lastProgress < progressEvery) return
    this.#lastProgress = now
    const { files, moved, found, links, directories } = this.#done
    const left = Math.max(0, this.#left - files - moved - found - links - directories)
    this.#options.onEvent?.({ kind: 'progress', done: this.#done, left })
  }

  /**
   * Follows the origin until it is told to stop: looks every `every` milliseconds, later when it is out of reach.
   * Rejects for what no waiting mends.
   */
  async watch(every: number): Promise<void> {
    const { signal, onEvent } = this.#options
    let failures = 0
    let settledAt = this.#now() + settled
    while (!signal.aborted) {
      let pause = every
      try {
        const asked = performance.now()
        const { unchanged } = await this.catchUp({ wait: this.#patience() })
        failures = 0
        if (!unchanged) settledAt = this.#now() + settled
        else if (this.#now() >= settledAt) {
          settledAt = Infinity
          await this.handOnSketch()
        }
        // Who answers when something is new need not be asked at intervals, if he does wait.
        if (this.transport.waits === true && (!unchanged || performance.now() - asked > 500)) pause = 0
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof TidemarkError) || error.code === 'usage' || error.code === 'busy') throw error
        pause = Math.min(longestPause, Math.max(every, 1000) * 2 ** failures++)
        this.state.set('error', error.message)
        onEvent?.({ kind: 'failed', error, pause })
      }
      if (failures === 0 && this.state.get('error') !== undefined) this.state.set('error', undefined)
      try {
        await sleep(pause, undefined, { signal })
      } catch {
        return
      }
    }
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

  /** Seconds that the origin may wait with its answer: not beyond what is to be tried again here. */
  #patience(): number | undefined {
    const due = this.state.nextDue()
    const seconds = due === undefined ? longestWait : Math.floor((due - this.#now()) / 1000)
    return seconds < 1 || this.state.get('unfinished') === '1' ? undefined : Math.min(seconds, longestWait)
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

function nothingDone(): Done {
  return { files: 0, bytes: 0, found: 0, moved: 0, links: 0, directories: 0, deleted: 0, more: 0, aside: 0 }
}
