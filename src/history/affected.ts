import type { Name } from '../bytes/name.ts'
import { isTidemarkError } from '../errors.ts'
import { decodeList } from '../object/content.ts'
import type { ContentRef } from '../object/content.ts'
import type { Id } from '../object/id.ts'
import { decodeLeaf, decodeNode } from '../object/tree.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Marks } from '../store/repository/marks.ts'
import type { Store } from '../store/store.ts'
import type { AffectedPath, Finding } from './finding.ts'

/** Why a chunk cannot be had; undefined when it can. */
export type Blame = (chunk: Id) => Finding | undefined

/** Finds which paths need damaged chunks. What was found to be whole once is not read again. */
export class DamageSearch {
  readonly #store: Pick<Store, 'get'>
  readonly #blame: Blame
  /** Pieces below which everything is whole. */
  readonly #whole: Marks
  readonly #found: (affected: AffectedPath, finding: Finding) => void
  readonly #options: CallOptions | undefined

  constructor(
    store: Pick<Store, 'get'>,
    blame: Blame,
    whole: Marks,
    found: (affected: AffectedPath, finding: Finding) => void,
    options?: CallOptions,
  ) {
    this.#store = store
    this.#blame = blame
    this.#whole = whole
    this.#found = found
    this.#options = options
  }

  /** True when all is whole below a directory of `snapshot`. */
  async searchDirectory(snapshot: Id, path: Name, content: ContentRef | undefined): Promise<boolean> {
    return content === undefined || this.#searchTree(snapshot, path, content, true)
  }

  async #searchTree(snapshot: Id, path: Name, ref: ContentRef, whole: boolean): Promise<boolean> {
    const { id, depth } = ref
    const finding = this.#blame(id)
    if (finding !== undefined) {
      this.#found({ snapshot, path, what: whole ? 'directory' : 'entries' }, finding)
      return false
    }
    if (this.#whole.has(id)) return true
    const bytes = await this.#store.get(id, this.#options)
    let good = true
    if (depth > 0) {
      for (const line of decodeNode(bytes, depth)) {
        const below = await this.#searchTree(snapshot, path, { id: line.id, depth: depth - 1 }, false)
        good &&= below
      }
    } else {
      for (const entry of decodeLeaf(bytes)) {
        if (entry.kind !== 'directory' && entry.kind !== 'file') continue
        const below = path === '' ? entry.name : `${path}/${entry.name}`
        if (entry.kind === 'directory') {
          if (!(await this.searchDirectory(snapshot, below, entry.content))) good = false
        } else {
          const finding = entry.content && (await this.searchFile(entry.content))
          if (finding === undefined) continue
          this.#found({ snapshot, path: below, what: 'file' }, finding)
          good = false
        }
      }
    }
    if (good) this.#whole.use(id)
    return good
  }

  /** The first damage of a file's content. */
  async searchFile({ id, depth }: ContentRef): Promise<Finding | undefined> {
    const finding = this.#blame(id)
    if (finding !== undefined || depth === 0 || this.#whole.has(id)) return finding
    for (const item of decodeList(await this.#store.get(id, this.#options), depth)) {
      if (item.id === undefined) continue
      const below = await this.searchFile({ id: item.id, depth: depth - 1 })
      if (below !== undefined) return below
    }
    this.#whole.use(id)
    return undefined
  }
}

/** Runs a search; a snapshot that is deleted meanwhile is left out. */
export async function searchSnapshot(
  search: () => Promise<unknown>,
  snapshot: Id,
  isListed: (id: Id) => Promise<boolean>,
): Promise<void> {
  try {
    await search()
  } catch (error) {
    if (!isTidemarkError(error, 'missing', 'corrupt') || (await isListed(snapshot))) throw error
  }
}
