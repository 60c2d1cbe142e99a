import { decodeList } from '../object/content.ts'
import type { FileEntry } from '../object/entry.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import type { Difference } from '../tree/compare-directories.ts'
import { equalContent } from '../tree/equal-entries.ts'
import type { Peer, Want } from './peer.ts'
import { fetchPieces, type Piece, type PieceStore } from './pieces.ts'

/** Lists that are held at a time, a level. */
const listsAtOnce = 64
/** Bytes of a file whose list is fetched with those beside it. */
const shortSize = 1024 * 1024
/** Chunks that were asked for, to ask for each once; now and then forgotten, which costs a second fetch at most. */
const maxAsked = 100_000

/** Where contents are looked for, and lists of them put. */
export interface ContentPlaces {
  readonly store: PieceStore
  readonly peer: Peer
  /** Finds more contents than `store`, and is asked once so many bytes are wanted that it pays. */
  readonly search?: { readonly store: Store; readonly worth: number } | undefined
}

/**
 * The chunks of the files that change, as far as they are not here, in the order in which they will be needed.
 * The lists of long contents are fetched on the way. Memory does not grow with the number of files.
 */
export async function* wantedContents(
  places: ContentPlaces,
  changes: AsyncIterable<readonly Difference[]>,
  options: CallOptions = {},
): AsyncGenerator<readonly Want[]> {
  const { store, search } = places
  let asked = new Set<Id>()
  /** Of all files that were met until now. */
  let bytes = 0
  const missing = async (wants: readonly Want[]): Promise<Want[]> => {
    const fresh = wants.filter(({ id }) => !asked.has(id))
    const where = search !== undefined && bytes > search.worth ? search.store : store
    const here = await where.has(
      fresh.map(({ id }) => id),
      options,
    )
    if (asked.size > maxAsked) asked = new Set()
    const away = new Map(fresh.filter(({ id }) => !here.has(id)).map((want) => [want.id, want]))
    for (const id of away.keys()) asked.add(id)
    return [...away.values()]
  }
  for await (const batch of changes) {
    const files = batch.flatMap((difference) => changedFile(difference) ?? [])
    const lists = await shortLists(places, files, options)
    let simple: Want[] = []
    for (const file of files) {
      const top = topOf(file)
      const few = lists.get(top.id)
      bytes += file.now.size
      if (top.level === 0) simple.push({ id: top.id, like: top.like })
      else for (const id of few ?? []) simple.push({ id })
      if (top.level === 0 || few !== undefined) continue
      if (simple.length > 0) yield await missing(simple)
      simple = []
      for await (const wants of chunksBelow(places, [top], options)) yield await missing(wants)
    }
    if (simple.length > 0) yield await missing(simple)
  }
}

/** Fetches only the lists of long contents of the files that change. */
export async function fetchLists(
  places: ContentPlaces,
  changes: AsyncIterable<readonly Difference[]>,
  options: CallOptions = {},
): Promise<void> {
  for await (const batch of changes) {
    const files = batch.flatMap((difference) => changedFile(difference) ?? [])
    const lists = await shortLists(places, files, options)
    for (const file of files) {
      const top = topOf(file)
      if (top.level === 0 || lists.has(top.id)) continue
      // What is below the last lists is not wanted.
      for await (const _ of chunksBelow(places, [top], options));
    }
  }
}

/** What the lists of files of a few chunks say, which are fetched together: many a small file has two. */
async function shortLists(
  { store, peer }: ContentPlaces,
  files: readonly ChangedFile[],
  options: CallOptions,
): Promise<Map<Id, readonly Id[]>> {
  const tops = files.filter(({ now }) => now.size <= shortSize && now.content!.depth === 1).map(topOf)
  const unique = [...new Map(tops.map((piece) => [piece.id, piece])).values()]
  const lists = new Map<Id, readonly Id[]>()
  for await (const [{ id, level }, bytes] of fetchPieces(store, peer, unique, options))
    lists.set(
      id,
      decodeList(bytes, level).flatMap(({ id }) => id ?? []),
    )
  return lists
}

interface ChangedFile {
  readonly now: FileEntry
  readonly before?: FileEntry
}

function topOf({ now, before }: ChangedFile): Piece {
  const { id, depth } = now.content!
  return { id, level: depth, like: before?.content?.depth === depth ? before.content.id : undefined }
}

function changedFile({ before, after }: Difference): ChangedFile | undefined {
  if (after?.kind !== 'file' || after.content === undefined || after.link !== undefined) return undefined
  if (before?.kind !== 'file') return { now: after }
  return equalContent(before.content, after.content) && before.link === undefined
    ? undefined
    : { now: after, before }
}

async function* chunksBelow(
  { store, peer }: ContentPlaces,
  lists: readonly Piece[],
  options: CallOptions,
): AsyncGenerator<readonly Want[]> {
  for (let start = 0; start < lists.length; start += listsAtOnce) {
    const some = lists.slice(start, start + listsAtOnce)
    const unique = [...new Map(some.map((piece) => [piece.id, piece])).values()]
    const below: Piece[] = []
    for await (const [{ level }, bytes] of fetchPieces(store, peer, unique, options)) {
      for (const { id } of decodeList(bytes, level)) {
        if (id !== undefined) below.push({ id, level: level - 1, like: undefined })
      }
    }
    if (some[0]!.level === 1) yield below.map(({ id }) => ({ id }))
    else yield* chunksBelow({ store, peer }, below, options)
  }
}
