import { nameToBytes, type Name } from '../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { listBatches, lookUp } from '../tree/directory.ts'
import { walkBatches } from '../tree/walk.ts'

/** The version that lost a conflict, beside the one that has kept the name. */
export interface ConflictCopy {
  readonly path: Name
  readonly entry: Entry
  /** The path for which both were meant. */
  readonly original: Name
  readonly kept: Entry
  /** The machine on which the copy was made; empty where that is not known. */
  readonly host: string
}

/** What the name of a conflict copy says. */
export interface CopyName {
  /** The name that it had. */
  readonly original: Name
  readonly host: string
  /** The same in parts: a long name had more between them. */
  readonly stem: Name
  readonly extension: Name
}

/** `report (conflict 2026-11-21 20-15-03 laptop 2).txt`: docs/format/merge.md says how such names are made. */
const form =
  /^(?<stem>.*) \(conflict \d{4}-\d\d-\d\d \d\d-\d\d-\d\d(?: (?<host>.*?))?(?: \d{1,6})?\)(?<extension>\.[^ ]*)?$/su

/** Undefined for a name of any other form. */
export function readCopyName(name: Name): CopyName | undefined {
  const {
    stem,
    host = '',
    extension = '',
  } = { ...form.exec(name)?.groups } as Partial<Record<string, string>>
  if (stem === undefined || stem + extension === '') return undefined
  return { original: stem + extension, host, stem, extension }
}

/**
 * The conflict copies in a tree, in path order. A name alone is no proof: only a file beside the one whose name it
 * would have had is taken for a copy of it.
 */
export async function* findConflictCopies(
  store: Store,
  root: DirectoryEntry,
  options: CallOptions = {},
): AsyncGenerator<ConflictCopy> {
  for await (const batch of walkBatches(store, root, options)) {
    for (const { path, entry } of batch) {
      const said = readCopyName(entry.name)
      if (said === undefined) continue
      const above = path.slice(0, path.length - entry.name.length)
      const kept =
        (await lookUp(store, root, above + said.original, options)) ??
        (await cutOriginal(store, root, above, entry.name, said, options))
      if (kept === undefined) continue
      yield { path, entry, original: above + kept.name, kept, host: said.host }
    }
  }
}

/** No shorter name of a copy was cut: 255 bytes, but for a character that did not fit. */
const shortestCut = 252

/** What stands beside a copy whose name had no room for all of the original's. */
async function cutOriginal(
  store: Store,
  root: DirectoryEntry,
  above: Name,
  name: Name,
  { stem, extension, original }: CopyName,
  options: CallOptions,
): Promise<Entry | undefined> {
  if (nameToBytes(name).length < shortestCut) return undefined
  const directory = await lookUp(store, root, above, options)
  if (directory?.kind !== 'directory') return undefined
  for await (const batch of listBatches(store, directory, { ...options, after: stem })) {
    for (const entry of batch) {
      if (!entry.name.startsWith(stem)) return undefined
      const isLonger = entry.name.length > original.length && entry.name.endsWith(extension)
      if (isLonger && readCopyName(entry.name) === undefined) return entry
    }
  }
  return undefined
}
