import { randomBytes } from 'node:crypto'
import { setImmediate as heard } from 'node:timers/promises'
import type { Name } from '../../bytes/name.ts'
import { fromSystem, isTidemarkError, systemCode, TidemarkError } from '../../errors.ts'
import { parseDetail, type Detail, type FileDetail } from '../../recent/index.ts'
import type { FileStat } from '../../folder/system/file-stat.ts'
import type { Fetched, Transport, Wanted } from '../transport/transport.ts'
import type { LocalTree, Ready } from './local-tree.ts'
import type { Item, MirrorState, Wish } from './mirror-state.ts'
import type { WorkFiles } from './work-files.ts'

/** What was done so far. */
export interface Done {
  /** Files that came from the origin, and their bytes. */
  files: number
  bytes: number
  /** Files whose content was here already, under this name or another. */
  found: number
  moved: number
  links: number
  directories: number
  deleted: number
  /** By how many items there are more than before. */
  more: number
  /** Items that were set aside. */
  aside: number
}

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

/** Items seen to at a time: as many are lost, and done again, when the process is killed. */
const atOnce = 4096
/** Files that are made durable and put in their places together, while others are fetched. */
const placedAtOnce = 1024
/** Files put in their places without a look at what else has come. */
const heardEvery = 32
/** And bytes, where details tell them. */
const bytesAtOnce = 256 * 1024 * 1024

/** Brings the contents that the state wants, newest first, and puts them in their places. */
export class Contents {
  readonly #options: ContentsOptions

  constructor(options: ContentsOptions) {
    this.#options = options
  }

  /** Sees to some of what the indexes up to `tier` want; false when there was nothing. */
  async some(tier: number): Promise<boolean> {
    const { state, signal } = this.#options
    const items = withinBytes(state.wanted(tier, atOnce))
    if (items.length === 0) return false
    const placed: Placed[] = []
    const wanted: Wanted[] = []
    const byPath = new Map<Name, Item>()
    state.step(() => {
      for (const item of items) {
        if (signal.aborted) break
        byPath.set(item.path, item)
        this.#orAside(item.path, () => {
          const fetch = this.#here(item, placed)
          if (fetch !== undefined) wanted.push(fetch)
        })
      }
    })
    if (wanted.length > 0) await this.#fetch(wanted, byPath, placed)
    await this.#place(placed)
    this.#options.onProgress()
    return true
  }

  /** Does what needs nothing of the origin; else returns what is to be fetched. */
  #here(item: Wish, placed: Placed[]): Wanted | undefined {
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
      const stat = mayBe(item.have, detail) ? this.#isHere(path, detail) : undefined
      if (stat === undefined || !this.#touch(path, detail, stat)) {
        const along = this.#elsewhere(item, detail, stat !== undefined)
        if (along === undefined)
          return { path, size: detail.size, hash: Buffer.from(detail.hash, 'base64url') }
        placed.push({ item, staged: [along], ...detail, path, linked: true })
        if (stat === undefined) done.moved++
        else done.found++
        return undefined
      }
      done.found++
    }
    this.#settle(item)
    return undefined
  }

  /** The item is in its place. */
  #settle(item: Item): void {
    const { state, done, onTouched } = this.#options
    state.settle(item)
    if (item.have === undefined) done.more++
    onTouched(item.path)
  }

  #withoutDetail({ path }: Item): Wanted {
    const stat = this.#options.tree.stat(path)
    if (stat?.kind !== 'file') return { path }
    return { path, have: { size: stat.size, mtimeNs: stat.mtimeNs } }
  }

  /** The file, when the right content is in its place already: of a tree taken over, or with another mode. */
  #isHere(path: Name, detail: FileDetail): FileStat | undefined {
    const { tree } = this.#options
    const stat = tree.stat(path)
    if (stat?.kind !== 'file' || stat.size !== detail.size) return undefined
    const hash = tree.hash(path)
    return hash !== undefined && textOf(hash) === detail.hash ? stat : undefined
  }

  /** Mode and time of what is here. False for a file of several names: those would change with it. */
  #touch(path: Name, { mode, mtimeNs }: FileDetail, stat: FileStat): boolean {
    if (stat.mode === (mode & 0o777) && stat.mtimeNs === mtimeNs) return true
    if (stat.nlink > 1) return false
    this.#options.tree.touch(path, mode, mtimeNs)
    return true
  }

  /** Takes the content from another file here, or from its own when that may not be touched; its staged name. */
  #elsewhere(item: Wish, detail: FileDetail, own: boolean): Name | undefined {
    const { path } = item
    const { tree, state, skipDeletes } = this.#options
    const staged = `m-${randomBytes(12).toString('hex')}`
    if (own) {
      tree.takeAlong(path, staged, false)
      return staged
    }
    // An empty file is not worth the look.
    if (!item.elsewhere || detail.size === 0) return undefined
    for (const other of state.withContent(detail.hash, 4)) {
      if (other.path === path) continue
      const stat = this.#isHere(other.path, detail)
      if (stat === undefined) continue
      // With another name already the file would be one with that.
      tree.takeAlong(other.path, staged, other.gone && !skipDeletes && stat.nlink === 1)
      return staged
    }
    return undefined
  }

  async #fetch(wanted: Wanted[], items: ReadonlyMap<Name, Item>, placed: Placed[]): Promise<void> {
    const { transport, files, jobs, signal, done, onProgress } = this.#options
    const onBytes = (bytes: number): void => {
      done.bytes += bytes
      onProgress()
    }
    let placing = Promise.resolve()
    try {
      for await (const fetched of transport.fetch(wanted, files.incoming, { jobs, signal, onBytes })) {
        const { path } = fetched.wanted
        const item = items.get(path)!
        this.#orAside(path, () => this.#take(item, fetched, placed))
        if (placed.length < placedAtOnce) continue
        await placing
        placing = this.#place(placed.splice(0))
        // Its failure is reported when the next is begun; until then it is nobody's.
        placing.catch(() => {})
      }
    } finally {
      // What has come is not thrown away, whatever became of the rest.
      await placing
      await this.#place(placed.splice(0))
    }
  }

  #take(item: Item, fetched: Fetched, placed: Placed[]): void {
    const { tree, done } = this.#options
    const { path } = item
    switch (fetched.outcome) {
      case 'failed':
        throw fetched.error
      case 'missing':
        throw new TidemarkError('missing', 'the origin does not have it')
      case 'same':
        done.found++
        return this.#settle(item)
      case 'directory':
        refuseOther(item, 'a directory')
        tree.makeDirectory(path)
        done.directories++
        return this.#settle(item)
      case 'symlink':
        refuseOther(item, 'a symbolic link')
        tree.placeLink(path, fetched.target)
        done.links++
        return this.#settle(item)
      case 'content':
      case 'file':
        placed.push(this.#ready(item, fetched))
        done.files++
    }
  }

  /** What came, checked and standing ready. */
  #ready(item: Item, fetched: Fetched & { outcome: 'content' | 'file' }): Placed {
    const { tree } = this.#options
    const { path } = item
    const detail: Detail | undefined = item.detail === '' ? undefined : parseDetail(item.detail)
    const told = detail?.kind === 'file' ? detail : undefined
    if (told !== undefined) {
      const came =
        fetched.outcome === 'content' ? fetched.hash : (fetched.hash ?? tree.hashIncoming(fetched.staged))
      if (textOf(came) !== told.hash) {
        throw new TidemarkError('corrupt', 'its content is not what the index says (or has changed since)')
      }
    }
    const { mode, mtimeNs } = told ?? fetched
    const staged =
      fetched.outcome === 'content' ? tree.write(path, fetched.content, mode, mtimeNs) : fetched.staged
    return { item, path, staged, mode, mtimeNs }
  }

  /** Makes files durable, puts them in their places, and remembers that. */
  async #place(placed: readonly Placed[]): Promise<void> {
    if (placed.length === 0) return
    const { tree, state } = this.#options
    const ready = new Set(placed)
    const settled: Placed[] = []
    try {
      for (const file of placed) if (!this.#orAside(file.path, () => tree.finish(file))) ready.delete(file)
      await tree.sync([...ready])
      let number = 0
      for (const file of ready) {
        // Others are fetched meanwhile, and want to be heard.
        if (++number % heardEvery === 0) await heard()
        if (this.#orAside(file.path, () => tree.place(file))) settled.push(file)
      }
    } finally {
      for (const file of settled) ready.delete(file)
      for (const file of ready) tree.discard(file)
    }
    state.step(() => {
      for (const { item } of settled) this.#settle(item)
    })
  }

  /** One bad item is set aside, and the answer false; what would be every item's trouble is thrown. */
  #orAside(path: Name, work: () => void): boolean {
    const { state, done, now, onAside } = this.#options
    try {
      work()
      return true
    } catch (error) {
      const problem = problemOf(error)
      const tries = state.find(path)?.tries ?? 0
      state.setAside(path, problem.message, now() + backOff(tries))
      done.aside++
      onAside(path, problem)
      return false
    }
  }
}

/** A hash as details have it. */
function textOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('base64url')
}

/** Whether what was put in an item's place can be the content wanted: where that is not known, it is looked at. */
function mayBe(have: string | undefined, { hash }: FileDetail): boolean {
  return have === undefined || have === '' || have.endsWith(` ${hash}`)
}

/** What concerns one item alone. Throws again what would be every item's trouble. */
export function problemOf(error: unknown): TidemarkError {
  if (!isTidemarkError(error) && systemCode(error) === undefined) throw error
  const problem = fromSystem(error, 'the system refused')
  if (isTidemarkError(problem, 'full', 'cancelled')) throw problem
  return problem
}

/** Milliseconds until something is tried again that was tried `tries` times before: 2 s, 8 s, … 6 h. */
export function backOff(tries: number): number {
  return Math.min(2000 * 4 ** tries, 6 * 3_600_000)
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
