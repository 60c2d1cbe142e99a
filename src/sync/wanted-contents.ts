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
    let simple: Want[] = []
    for (const difference of batch) {
      const file = changedFile(difference)
      if (file === undefined) continue
      const { now, before } = file
      bytes += now.size
      const like = before?.content?.depth === now.content!.depth ? before.content.id : undefined
      if (now.content!.depth === 0) {
        simple.push({ id: now.content!.id, like })
        continue
      }
      if (simple.length > 0) yield await missing(simple)
      simple = []
      const top = { id: now.content!.id, level: now.content!.depth, like }
      for await (const wants of chunksBelow(places, [top], options)) yield await missing(wants)
    }
    if (simple.length > 0) yield await missing(simple)
  }
}

function changedFile({ before, after }: Difference): { now: FileEntry; before?: FileEntry } | undefined {
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
