import { compareEpochs, RecentReader, type Meta, type RecentEvent } from '../../recent/index.ts'
import type { Reading } from '../transport/transport.ts'
import type { CopyRequest, Expected, IndexCopy } from './index-copy.ts'

/** The beginning of the origin's index. */
export interface Top {
  readonly meta: Meta
  readonly preamble: string
  readonly events: RecentEvent[]
  readonly reading: Reading
}

/** Beyond so many bytes the whole is the better choice. */
const mostOfTop = 8 * 1024 * 1024

/** A few digits more than it had. */
const growth = 32

/** What stands before the events alone; undefined when it cannot be told from the rest. */
export async function readPreamble(
  { transport, name, signal }: CopyRequest,
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
    if (isOther) return undefined
    reader.push(piece)
  }
  const { preamble, meta } = reader
  if (preamble === undefined || meta === undefined) return undefined
  return { meta, preamble, events: [], reading }
}

/** The file's beginning as its first range has it, and once it meets our own. */
export async function* readTops(
  { transport, name, signal }: CopyRequest,
  expected: Expected,
  own: IndexCopy,
): AsyncGenerator<Top, void> {
  const reader = new RecentReader()
  const events: RecentEvent[] = []
  let first: Reading | undefined
  // What stands before the events is about as long as it was; then come as many bytes as the file has grown by, or, as
  // something may have dropped out of it, an event like the last one at least.
  let length = Math.max(own.preamble + expected.size - own.size, own.top) + growth
  for (let at = 0; at < expected.size;) {
    const end = Math.min(expected.size, at + length)
    if (end > mostOfTop) return
    const reading = await transport.read(name, { range: { start: at, end }, guard: first?.state, signal })
    if (typeof reading === 'string') return
    const isFirst = first === undefined
    first ??= reading
    const isOther = reading.start !== at || (reading.size !== undefined && reading.size !== expected.size)
    let isMet = false
    for await (const piece of reading.body) {
      if (isOther || at + piece.length > end) return
      at += piece.length
      if (isMet) continue
      for (const event of reader.push(piece)) {
        isMet = compareEpochs(event.epoch, own.max!) <= 0
        if (isMet) break
        events.push(event)
      }
    }
    if (isOther || at < end) return
    if (at === expected.size && !isMet) {
      events.push(...reader.end())
      isMet = true
    }
    const { preamble, meta } = reader
    const isTop = preamble !== undefined && meta !== undefined
    if (isTop && (isMet || isFirst)) yield { meta, preamble, events: [...events], reading: first }
    // Without a name for the state nobody knows what the next range would be of.
    if (isMet || first.state === undefined) return
    // A quarter more each time: what is read too much is then less than the requests that it saves.
    length = Math.max(4096, at >> 2)
    if (expected.size - at - length < 4096) length = expected.size - at
  }
}
