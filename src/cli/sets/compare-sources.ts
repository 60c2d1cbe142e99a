import { TidemarkError } from '../../errors.ts'
import { pull, RemoteSet, setHandler, type Cost, type ServedSet, type Way } from '../../exchange/index.ts'
import {
  idToHex,
  peel,
  SetIndex,
  sketchKey,
  type Ids,
  type Profile,
  type Sketch,
} from '../../reconcile/index.ts'
import { digest, servedSource, type SetSource, type Show } from './set-source.ts'

/** How two sources differ, in readable items; ids where the items are not to be had. */
export interface Comparison {
  readonly onlyA: string[]
  readonly onlyB: string[]
  /** Ids of which it cannot be told on which side they are: two sketches have no items. */
  readonly either: string[]
  readonly way: Way
  readonly proven: boolean
  readonly cost: Cost
}

/** Compares two sources of which one at least has its items here. */
export async function compareSources(
  a: SetSource,
  b: SetSource,
  options: { profile: Profile; signal: AbortSignal },
): Promise<Comparison> {
  if (a.kind === 'sketch' && b.kind === 'sketch') return compareSketches(a.sketch, b.sketch)
  if (a.kind === 'index') return compareIndex(a.index, a.show, b, options)
  if (b.kind === 'index') {
    const { onlyA, onlyB, ...rest } = await compareIndex(b.index, b.show, a, options)
    return { onlyA: onlyB, onlyB: onlyA, ...rest }
  }
  if (a.kind === 'served') return compareIndex(await readWhole(a.set), a.show, b, options)
  if (b.kind === 'served') {
    const { onlyA, onlyB, ...rest } = await compareIndex(await readWhole(b.set), b.show, a, options)
    return { onlyA: onlyB, onlyB: onlyA, ...rest }
  }
  throw new TidemarkError('usage', 'One side must have its items here: lines, a directory or a table')
}

async function compareIndex(
  index: SetIndex<Uint8Array>,
  show: Show,
  other: SetSource,
  { profile, signal }: { profile: Profile; signal: AbortSignal },
): Promise<Comparison> {
  const remote = remoteOf(other, signal)
  const items = other.kind !== 'sketch' && !(other.kind === 'url' && other.file)
  const { added, addedIds, removed, ...rest } = await pull(index, remote, { profile, digest, items })
  return {
    onlyA: removed.map((entry) => show(index.item(entry))),
    onlyB: items ? added.map(other.show) : idTexts(addedIds),
    either: [],
    ...rest,
  }
}

/** Any source as a remote set. What is in this process is asked as if it were not, so that its cost can be told. */
function remoteOf(source: SetSource, signal: AbortSignal): RemoteSet {
  if (source.kind === 'url') return new RemoteSet(source.url, { file: source.file, signal })
  if (source.kind === 'sketch') {
    const handler = setHandler(sketchAlone(source.sketch))
    return new RemoteSet('http://sketch.invalid/sketch', {
      file: true,
      fetch: (url, init) => handler(new Request(url, init)),
      signal,
    })
  }
  // A database takes its time for every block of cells: it makes fewer, and lists ids beyond.
  const limits = source.kind === 'served' ? { maxCells: 2 ** 14 } : {}
  const handler = setHandler(servedSource(source)!, limits)
  return new RemoteSet('http://set.invalid/', {
    fetch: (url, init) => handler(new Request(url, init)),
    timeout: 3_600_000,
    signal,
  })
}

/** A sketch file as a served set that has nothing but the sketch. */
function sketchAlone(sketch: Sketch): ServedSet {
  return {
    root: () => sketch.root,
    epoch: { salt: sketch.key.salt, profile: sketch.profile, size: sketch.size },
    sketch: (_key, _profile, size) => sketch.prefix(size),
    items: none,
    ids: none,
  }
}

function none(): never {
  throw new TidemarkError('unsupported', 'A sketch has no items')
}

function compareSketches(a: Sketch, b: Sketch): Comparison {
  const size = Math.min(a.size, b.size)
  const bytes = 12 * size
  const cost = { requests: 0, bytesSent: 0, bytesReceived: bytes }
  const equal = { onlyA: [], onlyB: [], either: [], way: 'equal', proven: true, cost } as const
  if (a.root.equals(b.root)) return { ...equal, onlyA: [], onlyB: [], either: [] }
  const ids = peel(a.prefix(size).subtract(b.prefix(size)))
  if (ids === undefined) {
    throw new TidemarkError('limit', 'The sets differ by more than these sketches can tell')
  }
  return { ...equal, onlyA: [], onlyB: [], either: idTexts(ids), way: 'sketch', proven: false }
}

/** All items of a set that is not here: for two tables of different engines. */
async function readWhole(set: ServedSet): Promise<SetIndex<Uint8Array>> {
  const key = sketchKey(new Uint8Array(16))
  const index = new SetIndex<Uint8Array>()
  for (const item of await set.items(key, await set.ids(key))) {
    if (item !== undefined) index.add(digest(item), item)
  }
  return index
}

function idTexts(ids: Ids): string[] {
  return Array.from({ length: ids.length / 2 }, (_, at) => `id:${idToHex(ids[2 * at]!, ids[2 * at + 1]!)}`)
}
