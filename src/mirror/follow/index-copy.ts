import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import {
  compareEpochs,
  RecentReader,
  rebuild,
  type Epoch,
  type Meta,
  type RecentEvent,
} from '../../recent/index.ts'
import { writeFully } from '../../store/durable.ts'
import type { Reading, Transport } from '../transport/transport.ts'

/** What is noted of our own copy of an index. */
export interface IndexCopy {
  readonly name: string
  readonly size: number
  /** In hexadecimal. */
  readonly sha256: string
  /** As the transport names it. */
  readonly state?: string | undefined
  /** Bytes of what stands before its events. */
  readonly preamble: number
  readonly dirtymark?: Epoch | undefined
  readonly max?: Epoch | undefined
  readonly merged?: Epoch | undefined
  /** Nanoseconds, in decimal. */
  readonly mtime?: string | undefined
}

/** What an index should be, where a head says so. */
export interface Expected {
  readonly size: number
  readonly sha256: string
}

export interface CopyRequest {
  readonly transport: Transport
  readonly name: string
  /** Where the new copy is to be written: a file that is not there. */
  readonly to: string
  /** Our own copy, and what is known of it. */
  readonly own?: { readonly path: string; readonly copy: IndexCopy } | undefined
  readonly expected?: Expected | undefined
  /** The newest copy of the index before it, from which events flow into this one. */
  readonly before?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** No tree has an index as large: a hostile origin must not fill the disk with one. */
export const largestIndex: number = 4 * 1024 ** 3

/**
 * Makes a copy of an index of the origin, `same` when it is what our own is. Where a head tells what it must
 * be, only its new top is read if that will do: the rest is taken from our own copy, and the whole proven by its
 * hash. Rejects `conflict` when what is there is not what the head says (yet, or any more).
 */
export async function copyIndex(request: CopyRequest): Promise<IndexCopy | 'same' | 'missing'> {
  const { transport, own, expected } = request
  if (expected !== undefined && expected.size > largestIndex) throw tooLarge(request.name)
  if (expected !== undefined && expected.sha256 === own?.copy.sha256) return 'same'
  if (transport.ranged && expected !== undefined && own?.copy.max !== undefined) {
    const copy = (await copyMerged(request, expected, own)) ?? (await copyTop(request, expected, own))
    if (copy !== undefined) return copy
  }
  return copyWhole(request)
}

async function copyWhole({
  transport,
  name,
  to,
  own,
  expected,
  signal,
  onBytes,
}: CopyRequest): Promise<IndexCopy | 'same' | 'missing'> {
  const known = expected === undefined ? own?.copy.state : undefined
  const reading = await transport.read(name, { known, basis: own?.path, signal })
  if (reading === 'missing' || reading === 'same') return reading
  if (reading === 'changed') throw changed(name)
  const writer = new CopyWriter(to)
  try {
    for await (const piece of reading.body) {
      onBytes?.(piece.length)
      if (writer.size + piece.length > (expected?.size ?? largestIndex)) {
        throw expected === undefined ? tooLarge(name) : changed(name)
      }
      writer.write(piece)
    }
  } finally {
    writer.close()
  }
  if (reading.size !== undefined && reading.size !== writer.size) {
    throw new TidemarkError('unavailable', `${name}: only ${writer.size} of ${reading.size} bytes came`)
  }
  return describe(name, to, writer, expected, reading)
}

interface Own {
  readonly path: string
  readonly copy: IndexCopy
}

/** More events than these are read from the origin again rather than held. */
const mostMerged = 100_000

/**
 * What is new in an index has mostly been merged into it from the one before, which is here: then only what stands
 * before its events is read. Undefined when that does not lead to it.
 */
async function copyMerged(
  request: CopyRequest,
  expected: Expected,
  own: Own,
): Promise<IndexCopy | undefined> {
  if (request.before === undefined) return undefined
  const top = await readPreamble(request, expected, own.copy)
  if (top === undefined) return undefined
  const newest = top.meta.minmax?.max
  if (newest === undefined) return undefined
  for (const event of eventsIn(request.before)) {
    if (compareEpochs(event.epoch, own.copy.max!) <= 0) break
    if (compareEpochs(event.epoch, newest) <= 0) top.events.push(event)
    if (top.events.length > mostMerged) return undefined
  }
  return putTogether(request, expected, own, top)
}

/** Reads the new file's beginning until it meets what our own has; undefined when that does not lead to it. */
async function copyTop(request: CopyRequest, expected: Expected, own: Own): Promise<IndexCopy | undefined> {
  const top = await readTop(request, expected, own.copy)
  return top === undefined ? undefined : putTogether(request, expected, own, top)
}

/** The top and what our own copy has below it, if that is what the head says. */
function putTogether(request: CopyRequest, expected: Expected, own: Own, top: Top): IndexCopy | undefined {
  if (top.meta.dirtymark !== own.copy.dirtymark) return undefined
  const paths = new Set(top.events.map(({ path }) => path))
  const least = top.meta.minmax?.min
  const writer = new CopyWriter(request.to)
  try {
    const kept = function* (): Generator<RecentEvent> {
      // Z keeps no deletes, but what they deleted leaves it.
      for (const event of top.events) if (event.type === 'new' || top.meta.interval !== 'Z') yield event
      for (const event of eventsIn(own.path)) {
        if (least !== undefined && compareEpochs(event.epoch, least) < 0) return
        if (!paths.has(event.path)) yield event
      }
    }
    for (const piece of rebuild(top.preamble, kept())) {
      if (writer.size + piece.length > expected.size) return undefined
      writer.write(piece)
    }
  } catch (error) {
    // Our own copy is damaged: then the whole will mend it.
    if (!isTidemarkError(error, 'corrupt', 'limit')) throw error
    return undefined
  } finally {
    writer.close()
  }
  if (writer.size !== expected.size || writer.sha256() !== expected.sha256) return undefined
  return describe(request.name, request.to, writer, expected, top.reading)
}

interface Top {
  readonly meta: Meta
  readonly preamble: string
  readonly events: RecentEvent[]
  readonly reading: Reading
}

/** Beyond so many bytes the whole is the better choice. */
const mostOfTop = 8 * 1024 * 1024

/** A few digits more than it had. */
const growth = 32

async function readPreamble(
  { transport, name, signal, onBytes }: CopyRequest,
  expected: Expected,
  own: IndexCopy,
): Promise<Top | undefined> {
  const reader = new RecentReader()
  const end = Math.min(expected.size, own.preamble + growth)
  const reading = await transport.read(name, { range: { start: 0, end }, signal })
  if (typeof reading === 'string') return undefined
  const isOther = reading.start !== 0 || (reading.size !== undefined && reading.size !== expected.size)
  // Read to its end, for a body that is given up takes the connection with it.
  for await (const piece of reading.body) {
    onBytes?.(piece.length)
    if (isOther) return undefined
    reader.push(piece)
  }
  const { preamble, meta } = reader
  if (preamble === undefined || meta === undefined) return undefined
  return { meta, preamble, events: [], reading }
}

async function readTop(
  { transport, name, signal, onBytes }: CopyRequest,
  expected: Expected,
  own: IndexCopy,
): Promise<Top | undefined> {
  const reader = new RecentReader()
  const events: RecentEvent[] = []
  let first: Reading | undefined
  // What stands before the events is about as long as it was; then come, if nothing has dropped out at the end, as
  // many bytes as the file has grown by, and one event more.
  let length = own.preamble + Math.max(0, expected.size - own.size) + 400
  for (let at = 0; at < expected.size;) {
    const end = Math.min(expected.size, at + length)
    if (end > Math.min(mostOfTop, expected.size / 2 + 4096)) return undefined
    const reading = await transport.read(name, { range: { start: at, end }, guard: first?.state, signal })
    if (typeof reading === 'string') return undefined
    first ??= reading
    const isOther = reading.start !== at || (reading.size !== undefined && reading.size !== expected.size)
    let isMet = false
    for await (const piece of reading.body) {
      onBytes?.(piece.length)
      if (isOther || at + piece.length > end) return undefined
      at += piece.length
      if (isMet) continue
      for (const event of reader.push(piece)) {
        isMet = compareEpochs(event.epoch, own.max!) <= 0
        if (isMet) break
        events.push(event)
      }
    }
    const { preamble, meta } = reader
    if (isMet && preamble !== undefined && meta !== undefined)
      return { meta, preamble, events, reading: first }
    if (isMet) return undefined
    if (isOther || at < end) return undefined
    // Without a name for the state nobody knows what the next range would be of.
    if (first.state === undefined) return undefined
    // A quarter more each time: what is read too much is then less than the requests that it saves.
    length = Math.max(4096, at >> 2)
  }
  return undefined
}

/** Writes a copy and takes its measure. */
class CopyWriter {
  size = 0
  readonly #fd: number
  readonly #hash = createHash('sha256')
  #sha256: string | undefined

  constructor(to: string) {
    this.#fd = openSync(to, 'w', 0o644)
  }

  write(piece: Uint8Array): void {
    writeFully(this.#fd, piece)
    this.#hash.update(piece)
    this.size += piece.length
  }

  sha256(): string {
    return (this.#sha256 ??= this.#hash.digest('hex'))
  }

  close(): void {
    closeSync(this.#fd)
  }
}

function describe(
  name: string,
  to: string,
  writer: CopyWriter,
  expected: Expected | undefined,
  { state, fresh, mtimeNs }: Reading,
): IndexCopy {
  const { size } = writer
  const sha256 = writer.sha256()
  if (expected !== undefined && (size !== expected.size || sha256 !== expected.sha256)) throw changed(name)
  const { meta, first, preamble } = beginning(to)
  return {
    name,
    size,
    sha256,
    state: fresh ? undefined : state,
    preamble,
    dirtymark: meta.dirtymark,
    max: first,
    merged: meta.merged?.epoch,
    mtime: mtimeNs?.toString(),
  }
}

/** The meta block and the first event of an index file. */
function beginning(path: string): { meta: Meta; first: Epoch | undefined; preamble: number } {
  const reader = new RecentReader()
  let first: Epoch | undefined
  for (const events of eventPieces(path, reader, 4096)) {
    first ??= events[0]?.epoch
    // In a JSON file the meta block may come last.
    if (first !== undefined && reader.meta !== undefined) break
  }
  return { meta: reader.meta!, first, preamble: reader.preamble?.length ?? 0 }
}

/** The events of an index file, in its order, in bounded memory. The file is closed when reading stops. */
export function* eventsIn(path: string, reader: RecentReader = new RecentReader()): Generator<RecentEvent> {
  for (const events of eventPieces(path, reader, 65_536)) yield* events
}

function* eventPieces(path: string, reader: RecentReader, pieceSize: number): Generator<RecentEvent[]> {
  const fd = openSync(path, 'r')
  try {
    const piece = new Uint8Array(pieceSize)
    for (;;) {
      const length = readSync(fd, piece, 0, piece.length, null)
      if (length === 0) break
      yield reader.push(piece.subarray(0, length))
    }
    yield reader.end()
  } finally {
    closeSync(fd)
  }
}

function changed(name: string): TidemarkError {
  return new TidemarkError('conflict', `${name} is not what the head says of it`)
}

function tooLarge(name: string): TidemarkError {
  return new TidemarkError('limit', `${name} has more than ${largestIndex} bytes`)
}
