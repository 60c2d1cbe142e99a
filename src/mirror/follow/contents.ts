import { availableParallelism } from 'node:os'
import type { Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { parseDetail, type Detail } from '../../recent/index.ts'
import { directoryOf } from '../../tree/path.ts'
import type { Fetched, Transport, Wanted } from '../transport/transport.ts'
import type { LocalTree } from './local-tree.ts'
import type { MirrorState } from './mirror-state.ts'
import type { Item } from './state-item.ts'
import type { Wish } from './work-queue.ts'
import type { Done } from './done.ts'
import { backOff, problemOf } from './item-problem.ts'
import { hashText, mayBe, OwnContents } from './own-contents.ts'
import { Placing } from './placing.ts'
import { ReadyFiles, type Ready } from './ready-files.ts'
import { ThreadedPlacing, worthThread, type Came } from './threaded-placing.ts'
import type { WorkFiles } from './work-files.ts'

export interface ContentsOptions {
  readonly transport: Transport
  readonly state: MirrorState
  readonly tree: LocalTree
  readonly files: WorkFiles
  readonly jobs: number | undefined
  readonly skipDeletes: boolean
  readonly done: Done
  readonly signal: AbortSignal
  readonly now: () => number
  /** Called when something has changed at a path. */
  readonly onTouched: (path: Name) => void
  readonly onAside: (path: Name, error: TidemarkError) => void
  readonly onProgress: () => void
}

/** A file of the tree that is ready to be put in its place, and what it will then be. */
interface Placed extends Ready {
  readonly item: Item
}

/** The content of a small one. */
interface CameFor extends Came {
  readonly item: Item
}

/** Items seen to at a time: as many are lost, and done again, when the process is killed. */
const atOnce = 8192
/** And bytes, where details tell them. */
const bytesAtOnce = 256 * 1024 * 1024

/** Brings the contents that the state wants, newest first, and puts them in their places. */
export class Contents {
  readonly #options: ContentsOptions
  readonly #ready: ReadyFiles
  readonly #own: OwnContents
  /** What a thread could not put in its place. */
  readonly #odd = new Set<Name>()
  /** Started when there is much to do first. */
  #thread: ThreadedPlacing<CameFor> | undefined

  constructor(options: ContentsOptions) {
    this.#options = options
    this.#ready = new ReadyFiles(options.tree, options.files.incoming)
    this.#own = new OwnContents({ ...options, ready: this.#ready })
  }

  /** Sees to some of what the indexes up to `tier` want; false when there was nothing. */
  async some(tier: number): Promise<boolean> {
    const { state } = this.#options
    const items = withinBytes(state.work.wanted(tier, atOnce))
    if (items.length === 0) return false
    this.#startThread(items)
    const placing = new Placing<Placed>(this.#ready, {
      onPlaced: (placed) => this.#settleAll(placed),
      onFailed: ({ item }, error) => this.#setAside(item, error),
    })
    try {
      const [wanted, byPath] = await this.#withoutOrigin(items, placing)
      if (wanted.length > 0) await this.#fetch(wanted, byPath, placing)
    } finally {
      // What has come is not thrown away, whatever became of the rest.
      await placing.placeAll()
    }
    this.#options.onProgress()
    return true
  }

  /** To be called at the end in any case. */
  async close(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    await thread?.close()
  }

  /** What is left to be fetched, when everything is done for which nothing is needed of the origin. */
  async #withoutOrigin(
    items: readonly Wish[],
    placing: Placing<Placed>,
  ): Promise<[wanted: Wanted[], byPath: Map<Name, Item>]> {
    const { state, signal } = this.#options
    const wanted: Wanted[] = []
    const byPath = new Map<Name, Item>()
    const along: Placed[] = []
    state.step(() => {
      for (const item of items) {
        if (signal.aborted) break
        byPath.set(item.path, item)
        const fetch = this.#orAside(item, () => this.#here(item, along))
        if (fetch !== undefined) wanted.push(fetch)
      }
    })
    for (const file of along) placing.add(file)
    return [wanted, byPath]
  }

  /** Does what needs nothing of the origin; else returns what is to be fetched. */
  #here(item: Wish, along: Placed[]): Wanted | undefined {
    const { tree, done } = this.#options
    const { path } = item
    if (item.detail === '') return this.#withoutDetail(item)
    const detail = parseDetail(item.detail)
    if (detail.kind === 'directory') {
      tree.makeDirectory(path)
      tree.touch(path, detail.mode, detail.mtimeNs)
      done.directories++
    } else if (detail.kind === 'symlink') {
      tree.placeLink(path, detail.target)
      done.links++
    } else {
      const stat = mayBe(item.have, detail) ? this.#own.isHere(path, detail) : undefined
      if (stat === undefined || !this.#own.touch(path, detail, stat)) {
        const staged = this.#own.elsewhere(item, detail, stat !== undefined)
        if (staged === undefined)
          return { path, size: detail.size, hash: Buffer.from(detail.hash, 'base64url') }
        along.push({ item, staged: [staged], ...detail, path, linked: true })
        if (stat === undefined) done.moved++
        else done.found++
        return undefined
      }
      done.found++
    }
    this.#settle(item)
    return undefined
  }

  #settleAll(placed: readonly { readonly item: Item }[]): void {
    this.#options.state.step(() => {
      for (const { item } of placed) this.#settle(item)
    })
  }

  /** The item is in its place. */
  #settle(item: Item): void {
    const { state, done, onTouched } = this.#options
    state.items.settle(item)
    if (item.have === undefined) done.more++
    onTouched(item.path)
  }

  #withoutDetail({ path }: Item): Wanted {
    const stat = this.#options.tree.stat(path)
    if (stat?.kind !== 'file') return { path }
    return { path, have: { size: stat.size, mtimeNs: stat.mtimeNs } }
  }

  async #fetch(wanted: Wanted[], items: ReadonlyMap<Name, Item>, placing: Placing<Placed>): Promise<void> {
    const { transport, files, jobs, signal, done, onProgress } = this.#options
    const onBytes = (bytes: number): void => {
      done.bytes += bytes
      onProgress()
    }
    const thread = this.#thread
    try {
      for await (const fetched of transport.fetch(wanted, files.incoming, { jobs, signal, onBytes })) {
        const item = items.get(fetched.wanted.path)!
        const came = this.#orAside(item, () => this.#take(item, fetched))
        if (came === undefined) continue
        if (thread !== undefined && 'content' in came && !this.#odd.has(item.path)) {
          done.files++
          await thread.add(came)
        } else this.#place(came, placing)
      }
    } finally {
      // They are fetched again.
      for (const { item } of (await thread?.placeAll()) ?? []) {
        this.#odd.add(item.path)
        done.files--
      }
      if (thread?.hasFailed === true) await this.close()
    }
  }

  /**
   * For many small files, where there is a processor for it, and a way to the directory that cannot be turned. Before it is
   * known that they are to be fetched: it takes a while to start.
   */
  #startThread(items: readonly Wish[]): void {
    const { root } = this.#options.files
    const isWorth = items.length >= worthThread && availableParallelism() > 1 && root.raceFree
    if (!isWorth || this.#thread !== undefined) return
    this.#thread = new ThreadedPlacing(`/proc/self/fd/${root.fd}/.`, (placed) => {
      for (const { path } of placed) this.#options.tree.noteChange(directoryOf(path))
      this.#settleAll(placed)
    })
  }

  /** What there is to be put in its place, when there is. */
  #take(item: Item, fetched: Fetched): Placed | CameFor | undefined {
    const { tree, done } = this.#options
    const { path } = item
    switch (fetched.outcome) {
      case 'failed':
        throw fetched.error
      case 'missing':
        throw new TidemarkError('missing', 'the origin does not have it')
      case 'same':
        done.found++
        this.#settle(item)
        return undefined
      case 'directory':
        refuseOther(item, 'a directory')
        tree.makeDirectory(path)
        done.directories++
        this.#settle(item)
        return undefined
      case 'symlink':
        refuseOther(item, 'a symbolic link')
        tree.placeLink(path, fetched.target)
        done.links++
        this.#settle(item)
        return undefined
      case 'content':
      case 'file':
        return this.#checked(item, fetched)
    }
  }

  /** What came, when it is what the index says. */
  #checked(item: Item, fetched: Fetched & { outcome: 'content' | 'file' }): Placed | CameFor {
    const { path } = item
    const detail: Detail | undefined = item.detail === '' ? undefined : parseDetail(item.detail)
    const told = detail?.kind === 'file' ? detail : undefined
    if (told !== undefined) {
      const came =
        fetched.outcome === 'content'
          ? fetched.hash
          : (fetched.hash ?? this.#ready.hashIncoming(fetched.staged))
      if (hashText(came) !== told.hash) {
        throw new TidemarkError('corrupt', 'its content is not what the index says (or has changed since)')
      }
    }
    const { mode, mtimeNs } = told ?? fetched
    return fetched.outcome === 'content'
      ? { item, path, content: fetched.content, mode, mtimeNs }
      : { item, path, staged: fetched.staged, mode, mtimeNs }
  }

  #place(came: Placed | CameFor, placing: Placing<Placed>): void {
    const { item, path, mode, mtimeNs } = came
    const file = this.#orAside(item, () =>
      'content' in came
        ? { item, path, staged: this.#ready.write(path, came.content, mode, mtimeNs), mode, mtimeNs }
        : came,
    )
    if (file === undefined) return
    this.#options.done.files++
    placing.add(file)
  }

  /** One bad item is set aside; what would be every item's trouble is thrown. */
  #orAside<T>(item: Item, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.#setAside(item, error)
      return undefined
    }
  }

  #setAside({ path, tries }: Item, error: unknown): void {
    const { state, done, now, onAside } = this.#options
    const problem = problemOf(error)
    state.work.setAside(path, problem.message, now() + backOff(tries))
    done.aside++
    onAside(path, problem)
  }
}

function refuseOther(item: Item, what: string): void {
  if (item.detail !== '')
    throw new TidemarkError('corrupt', `it is ${what} at the origin, which the index does not say`)
}

/** As many of the first as have not too many bytes together, one at least. */
function withinBytes(items: readonly Wish[]): readonly Wish[] {
  let bytes = 0
  const end = items.findIndex(({ detail }, i) => {
    const size = /^f \S+ \S+ (\d+) /.exec(detail)?.[1]
    bytes += Number(size ?? 0)
    return i > 0 && bytes > bytesAtOnce
  })
  return end < 0 ? items : items.slice(0, end)
}
