import { isTidemarkError } from '../../errors.ts'
import { compareEpochs, rebuild, type Meta, type RecentEvent } from '../../recent/index.ts'
import { CopyWriter, describe } from './copy-writer.ts'
import type { CopyRequest, Expected, IndexCopy, OwnCopy } from './index-copy.ts'
import { beginning, eventsIn } from './index-events.ts'
import { readPreamble, readTops, type Top } from './index-top.ts'

/** More events than these are read from the origin again rather than held. */
const mostMerged = 100_000

/**
 * What is new in an index has mostly been merged into it from the one before, which is here: then only what stands
 * before its events is read. Undefined when that does not lead to it.
 */
export async function copyMerged(
  request: CopyRequest,
  expected: Expected,
  own: OwnCopy,
): Promise<IndexCopy | undefined> {
  if (request.before === undefined) return undefined
  const top = await readPreamble(request, expected, own.copy)
  if (top === undefined) return undefined
  const newest = top.meta.minmax?.max
  if (newest === undefined) return undefined
  const news = newsIn(request.before, own.copy)
  if (news === undefined) return undefined
  for (const event of news) if (compareEpochs(event.epoch, newest) <= 0) top.events.push(event)
  return putTogether(request, expected, own, top)
}

/**
 * Reads the new file's beginning. What came with the first range is taken for all that is new: then the whole is
 * proven without the join having been seen. Else more is read until it meets what our own has; undefined when that does
 * not lead to it.
 */
export async function copyTop(
  request: CopyRequest,
  expected: Expected,
  own: OwnCopy,
): Promise<IndexCopy | undefined> {
  for await (const top of readTops(request, expected, own.copy)) {
    const copy = putTogether(request, expected, own, top)
    if (copy !== undefined) return copy
  }
  return undefined
}

/** The top and what our own copy has below it, if that is what the head says. */
function putTogether(
  request: CopyRequest,
  expected: Expected,
  own: OwnCopy,
  top: Top,
): IndexCopy | undefined {
  if (top.meta.dirtymark !== own.copy.dirtymark) return undefined
  const writer = new CopyWriter(request.to)
  try {
    const events = merged(top.events, own.path, top.meta)
    for (const piece of rebuild(top.preamble, events)) {
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

/**
 * Writes to the file `to` what the index will be, if what is new in it was merged into it from the one before:
 * whoever is sent differences from that is sent little. Undefined when it would be as our own is.
 */
export function predict({ before }: CopyRequest, own: OwnCopy, to: string): string | undefined {
  if (before === undefined) return undefined
  try {
    const news = newsIn(before, own.copy)
    if (news === undefined || news.length === 0) return undefined
    const { meta, preamble } = beginning(own.path)
    if (preamble === '') return undefined
    const writer = new CopyWriter(to)
    try {
      for (const piece of rebuild(preamble, merged(news, own.path, { interval: meta.interval })))
        writer.write(piece)
    } finally {
      writer.close()
    }
    return to
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt', 'limit')) throw error
    return undefined
  }
}

/** The events of the index before that ours does not have yet; undefined when they are too many. */
function newsIn(before: string, { max }: IndexCopy): RecentEvent[] | undefined {
  const news: RecentEvent[] = []
  for (const event of eventsIn(before)) {
    if (max !== undefined && compareEpochs(event.epoch, max) <= 0) break
    news.push(event)
    if (news.length > mostMerged) return undefined
  }
  return news
}

/** News, and below them what our own copy has, as far down as the index goes now. */
function* merged(
  news: readonly RecentEvent[],
  own: string,
  { interval, minmax }: Pick<Meta, 'interval' | 'minmax'>,
): Generator<RecentEvent> {
  const paths = new Set(news.map(({ path }) => path))
  const least = minmax?.min
  // Z keeps no deletes, but what they deleted leaves it.
  for (const event of news) if (event.type === 'new' || interval !== 'Z') yield event
  for (const event of eventsIn(own)) {
    if (least !== undefined && compareEpochs(event.epoch, least) < 0) return
    if (!paths.has(event.path)) yield event
  }
}
