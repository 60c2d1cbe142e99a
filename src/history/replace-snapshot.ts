import type { ContentRef } from '../object/content.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import { idOf } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import { buildLeaves, buildNodes, decodeLeaf, decodeNode } from '../object/tree.ts'
import type { TreeNodeItem } from '../object/tree.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { RepositoryWriter } from '../store/repository/repository-writer.ts'
import type { Store } from '../store/store.ts'
import type { Blame, DamageSearch } from './affected.ts'

/** Tag of a snapshot that stands for a damaged one. */
export const repairedTag = 'repaired'

/**
 * Writes trees without what is lost: lost files and directories stay in them as unreadable, without content;
 * entries in a lost part of a large directory are not even known by name, and are left out.
 */
export class Replacement {
  readonly #writer: RepositoryWriter
  readonly #store: Pick<Store, 'get'>
  readonly #blame: Blame
  readonly #search: DamageSearch
  readonly #options: CallOptions | undefined
  /** Directories that were written anew, by the content they had. */
  readonly #done = new Map<Id, { readonly entry: DirectoryEntry; readonly lost: number }>()
  #lost = 0

  constructor(
    writer: RepositoryWriter,
    store: Pick<Store, 'get'>,
    blame: Blame,
    search: DamageSearch,
    options?: CallOptions,
  ) {
    this.#writer = writer
    this.#store = store
    this.#blame = blame
    this.#search = search
    this.#options = options
  }

  /** What stands for `snapshot`, not published yet; undefined when all of it is whole. */
  async replace(snapshot: Snapshot): Promise<Snapshot | undefined> {
    if (await this.#search.searchDirectory('', '', snapshot.root.content)) return undefined
    this.#lost = 0
    const root = await this.#directory(snapshot.root)
    const note = `repaired: ${this.#lost} ${this.#lost === 1 ? 'entry' : 'entries'} lost`
    return {
      ...snapshot,
      root,
      message: snapshot.message === '' ? note : `${snapshot.message} (${note})`,
      unreadable: snapshot.unreadable + this.#lost,
    }
  }

  async #directory(entry: DirectoryEntry): Promise<DirectoryEntry> {
    const { content } = entry
    if (content === undefined) return entry
    const done = this.#done.get(content.id)
    if (done !== undefined) {
      this.#lost += done.lost
      return { ...entry, ...contentOf(done.entry) }
    }
    if (await this.#search.searchDirectory('', '', content)) return entry
    const before = this.#lost
    const replaced = this.#blame(content.id) ? this.#lose(entry) : await this.#rewrite(entry, content)
    this.#done.set(content.id, { entry: replaced, lost: this.#lost - before })
    return replaced
  }

  #lose<T extends Entry>(entry: T): T {
    this.#lost++
    return { ...entry, content: undefined, unreadable: true }
  }

  async #rewrite(entry: DirectoryEntry, content: ContentRef): Promise<DirectoryEntry> {
    const entries: Entry[] = []
    for await (const one of this.#entries(content)) entries.push(await this.#entry(one))
    const leaves: TreeNodeItem[] = []
    for (const { bytes, first, count } of buildLeaves(entries)) {
      await this.#writer.putMetadata(idOf(bytes), bytes)
      leaves.push({ id: idOf(bytes), first, count })
    }
    const nodes: Uint8Array[] = []
    const written = buildNodes(leaves, (node) => {
      nodes.push(node)
      return idOf(node)
    })
    for (const node of nodes) await this.#writer.putMetadata(idOf(node), node)
    let [count, size] = [entries.length, 0]
    for (const one of entries) {
      if (one.kind === 'directory') count += one.count
      if (one.kind === 'directory' || one.kind === 'file') size += one.size
    }
    return { ...entry, content: written, count, size }
  }

  async #entry(entry: Entry): Promise<Entry> {
    if (entry.kind === 'directory') return this.#directory(entry)
    if (entry.kind !== 'file' || entry.content === undefined) return entry
    return (await this.#search.searchFile(entry.content)) === undefined ? entry : this.#lose(entry)
  }

  /** The entries of a directory that are still known. */
  async *#entries({ id, depth }: ContentRef): AsyncGenerator<Entry> {
    const bytes = await this.#store.get(id, this.#options)
    if (depth === 0) {
      yield* decodeLeaf(bytes)
      return
    }
    for (const line of decodeNode(bytes, depth)) {
      if (this.#blame(line.id)) this.#lost += line.count
      else yield* this.#entries({ id: line.id, depth: depth - 1 })
    }
  }
}

function contentOf({ content, count, size, unreadable }: DirectoryEntry): Partial<DirectoryEntry> {
  return { content, count, size, unreadable }
}
