import { compareNames } from '../../src/bytes/name.ts'
import { buildContent, type ContentItem, type ContentRef } from '../../src/object/content.ts'
import type { DirectoryEntry, Entry, FileEntry } from '../../src/object/entry.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import { buildLeaves, buildNodes } from '../../src/object/tree.ts'
import type { WritableStore } from '../../src/store/store.ts'

/** A tree for a test: a text is a file, an object a directory, an entry stands for itself (but its name). */
export type Plant = string | Uint8Array | Entry | { readonly [name: string]: Plant }

const common = { mode: 0o644, uid: 1000, gid: 1000, mtimeNs: 1_700_000_000_000_000_000n, xattrs: [] }

/** What every file of {@link plant} is, but for its content. */
export function fileEntry(name: string, size = 0, content?: ContentRef): FileEntry {
  return { ...common, kind: 'file', name, unreadable: false, size, content, unstable: false }
}

export function directoryEntry(
  name: string,
  entries: readonly Entry[],
  content?: ContentRef,
): DirectoryEntry {
  let size = 0
  let count = entries.length
  for (const entry of entries) {
    if (entry.kind === 'file' || entry.kind === 'directory') size += entry.size
    if (entry.kind === 'directory') count += entry.count
  }
  return { ...common, mode: 0o755, kind: 'directory', name, unreadable: false, size, count, content }
}

/** Writes a tree into `store`, built as a snapshot builds it, and returns its entry. */
export async function plant(
  store: WritableStore,
  tree: { readonly [name: string]: Plant },
): Promise<DirectoryEntry> {
  const puts: Promise<void>[] = []
  const keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    puts.push(store.put(id, bytes))
    return id
  }
  const grow = (name: string, what: Plant): Entry => {
    if (typeof what === 'string') return grow(name, new TextEncoder().encode(what))
    if (what instanceof Uint8Array) {
      return fileEntry(name, what.length, what.length > 0 ? { depth: 0, id: keep(what) } : undefined)
    }
    if (isEntry(what)) return { ...what, name }
    const entries = Object.entries(what).map(([name, what]) => grow(name, what))
    return plantDirectory(name, entries, keep)
  }
  const root = grow('', tree)
  await Promise.all(puts)
  return root as DirectoryEntry
}

/** A directory of these entries, in whatever order they come. */
export function plantDirectory(
  name: string,
  entries: readonly Entry[],
  keep: (bytes: Uint8Array) => Id,
): DirectoryEntry {
  const sorted = entries.toSorted((a, b) => compareNames(a.name, b.name))
  const leaves = [...buildLeaves(sorted)].map(({ bytes, first, count }) => ({
    id: keep(bytes),
    first,
    count,
  }))
  return directoryEntry(name, entries, buildNodes(leaves, keep))
}

/** A file with a content list, whatever its size; a number among the pieces is a hole of that length. */
export async function plantFile(
  store: WritableStore,
  name: string,
  pieces: readonly (string | Uint8Array | number)[],
): Promise<FileEntry> {
  const puts: Promise<void>[] = []
  const keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    puts.push(store.put(id, bytes))
    return id
  }
  const items = pieces.map((piece): ContentItem => {
    if (typeof piece === 'number') return { length: piece, id: undefined }
    const bytes = typeof piece === 'string' ? new TextEncoder().encode(piece) : piece
    return { length: bytes.length, id: keep(bytes) }
  })
  const content = buildContent(items, keep)
  await Promise.all(puts)
  return fileEntry(
    name,
    items.reduce((sum, { length }) => sum + length, 0),
    content,
  )
}

function isEntry(what: Exclude<Plant, string | Uint8Array>): what is Entry {
  return typeof what['mtimeNs'] === 'bigint'
}
