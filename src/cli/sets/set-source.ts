import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { ServedIndex, type ServedSet } from '../../exchange/index.ts'
import { decodeSketch, SetIndex, type Sketch } from '../../reconcile/index.ts'
import { sha256 } from '../../hash/sha256.ts'
import { fromSystem } from '../../errors.ts'
import { directoryItems, showPath } from './directory-items.ts'
import { fileLines, showLine } from './file-lines.ts'
import { isSqlSource, openSqlSource } from './sql-source.ts'

/** One side of a comparison, as the command line names it. */
export type SetSource =
  | { readonly kind: 'index'; readonly index: SetIndex<Uint8Array>; readonly show: Show }
  | {
      readonly kind: 'served'
      readonly set: ServedSet
      readonly show: Show
      readonly close: () => Promise<void>
    }
  | { readonly kind: 'sketch'; readonly sketch: Sketch }
  | { readonly kind: 'url'; readonly url: URL; readonly file: boolean; readonly show: Show }

/** Makes an item readable, on one line. */
export type Show = (item: Uint8Array) => string

/**
 * Opens what `name` stands for: a URL of a served set or of a sketch file, a SQL source, a directory, a sketch file, or else
 * a file of lines (`-` for standard input).
 */
export async function openSource(name: string, signal: AbortSignal): Promise<SetSource> {
  if (/^https?:\/\//.test(name)) {
    const url = new URL(name)
    return { kind: 'url', url, file: url.pathname.endsWith('.sketch'), show: showLine }
  }
  if (isSqlSource(name)) {
    const { set, close } = await openSqlSource(name)
    return { kind: 'served', set, show: showLine, close }
  }
  try {
    if (name !== '-' && statSync(name).isDirectory()) {
      return { kind: 'index', index: indexOf(directoryItems(name, signal)), show: showPath }
    }
    if (name !== '-' && isSketchFile(name))
      return { kind: 'sketch', sketch: decodeSketch(readFileSync(name)) }
  } catch (error) {
    throw fromSystem(error, `read ${name}`)
  }
  return { kind: 'index', index: indexOf(await fileLines(name, signal)), show: showLine }
}

/** A source as something that answers for itself, for serving and for sketching. Sketches and URLs are not. */
export function servedSource(source: SetSource): ServedSet | undefined {
  if (source.kind === 'served') return source.set
  return source.kind === 'index' ? new ServedIndex(source.index, (item) => item) : undefined
}

export async function closeSource(source: SetSource): Promise<void> {
  if (source.kind === 'served') await source.close()
}

/** SHA-256 by Node, quicker than the plain one. */
export function digest(bytes: Uint8Array): Uint8Array {
  return Buffer.from(sha256(bytes), 'latin1')
}

function indexOf(items: Iterable<Uint8Array>): SetIndex<Uint8Array> {
  const index = new SetIndex<Uint8Array>()
  for (const item of items) index.add(digest(item), item)
  return index
}

/** By its first bytes, whatever its name. */
function isSketchFile(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const start = Buffer.alloc(4)
    return readSync(file, start, 0, 4, 0) === 4 && start.toString('latin1') === 'TMSK'
  } finally {
    closeSync(file)
  }
}
