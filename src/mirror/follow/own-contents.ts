import { randomBytes } from 'node:crypto'
import type { Name } from '../../bytes/name.ts'
import type { FileStat } from '../../folder/system/file-stat.ts'
import type { FileDetail } from '../../recent/index.ts'
import type { LocalTree } from './local-tree.ts'
import type { MirrorState } from './mirror-state.ts'
import type { Wish } from './work-queue.ts'
import type { ReadyFiles } from './ready-files.ts'

export interface OwnContentsOptions {
  readonly tree: LocalTree
  readonly state: MirrorState
  readonly ready: ReadyFiles
  readonly skipDeletes: boolean
}

/** Contents that are here already, and need not be fetched. */
export class OwnContents {
  readonly #tree: LocalTree
  readonly #state: MirrorState
  readonly #ready: ReadyFiles
  readonly #skipDeletes: boolean

  constructor({ tree, state, ready, skipDeletes }: OwnContentsOptions) {
    this.#tree = tree
    this.#state = state
    this.#ready = ready
    this.#skipDeletes = skipDeletes
  }

  /** The file, when the right content is in its place already: of a tree taken over, or with another mode. */
  isHere(path: Name, detail: FileDetail): FileStat | undefined {
    const stat = this.#tree.stat(path)
    if (stat?.kind !== 'file' || stat.size !== detail.size) return undefined
    const hash = this.#tree.hash(path)
    return hash !== undefined && hashText(hash) === detail.hash ? stat : undefined
  }

  /** Mode and time of what is here. False for a file of several names: those would change with it. */
  touch(path: Name, { mode, mtimeNs }: FileDetail, stat: FileStat): boolean {
    if (stat.mode === (mode & 0o777) && stat.mtimeNs === mtimeNs) return true
    if (stat.nlink > 1) return false
    this.#tree.touch(path, mode, mtimeNs)
    return true
  }

  /** Takes the content from another file here, or from its own when that may not be touched; its staged name. */
  elsewhere(item: Wish, detail: FileDetail, own: boolean): Name | undefined {
    const { path } = item
    const staged = `m-${randomBytes(12).toString('hex')}`
    if (own) {
      this.#ready.takeAlong(path, staged, false)
      return staged
    }
    // An empty file is not worth the look.
    if (!item.elsewhere || detail.size === 0) return undefined
    for (const other of this.#state.items.withContent(detail.hash, 4)) {
      if (other.path === path) continue
      const stat = this.isHere(other.path, detail)
      if (stat === undefined) continue
      // With another name already the file would be one with that.
      this.#ready.takeAlong(other.path, staged, other.gone && !this.#skipDeletes && stat.nlink === 1)
      return staged
    }
    return undefined
  }
}

/** Whether what was put in an item's place can be the content wanted: where that is not known, it is looked at. */
export function mayBe(have: string | undefined, { hash }: FileDetail): boolean {
  return have === undefined || have === '' || have.endsWith(` ${hash}`)
}

/** A hash as details have it. */
export function hashText(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('base64url')
}
