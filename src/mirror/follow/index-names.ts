import { displayName } from '../../bytes/name.ts'
import { corrupt, TidemarkError } from '../../errors.ts'
import {
  intervalSeconds,
  nameOfHead,
  nameOfIndex,
  nameOfPrincipalLink,
  parseIndexName,
  RecentReader,
  sortIntervals,
  type Meta,
} from '../../recent/index.ts'
import { inIndex } from '../index-error.ts'
import type { Transport } from '../transport/transport.ts'

/** Longer lists of indexes make no sense. */
const mostIndexes = 64

export interface PrincipalQuery {
  /** The name of the principal or of the link to it, when it was given. */
  readonly principal: string | undefined
  readonly root: string
  readonly signal: AbortSignal
}

/** The name of an origin's shortest index: as it was given, or as it says of itself behind the link to it. */
export async function findPrincipal(
  transport: Transport,
  { principal, root, signal }: PrincipalQuery,
): Promise<string> {
  if (principal !== undefined && !principal.endsWith('.recent')) return principal
  const link = principal ?? nameOfPrincipalLink(root)
  const reading = await transport.read(link, { signal })
  if (typeof reading === 'string') {
    throw new TidemarkError('missing', `${transport.name} has neither ${nameOfHead(root)} nor ${link}`)
  }
  const meta = await metaOf(reading.body).catch((error: unknown) => {
    throw inIndex(link, error)
  })
  if (meta.protocol === 0 || meta.interval === '') {
    const advice = 'an old index that does not tell its name: give it, as in SOURCE/RECENT-1h.yaml'
    throw new TidemarkError('usage', `${link}: ${advice}`)
  }
  return checkIndexName(
    nameOfIndex({ root: meta.filenameroot, interval: meta.interval, suffix: meta.suffix }),
  )
}

/** The names of all indexes, the principal first, as its list of intervals tells. */
export function indexNames(principal: string, { aggregator }: Meta): string[] {
  const named = parseIndexName(principal)!
  const longer = sortIntervals(aggregator).filter(
    (interval) => intervalSeconds(interval) > intervalSeconds(named.interval),
  )
  return [
    principal,
    ...longer.slice(0, mostIndexes - 1).map((interval) => nameOfIndex({ ...named, interval })),
  ]
}

/** A hostile origin could name a file that is none beside the others. */
function checkIndexName(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}$/.test(name) && parseIndexName(name) !== undefined) return name
  throw corrupt('index', `"${displayName(name.slice(0, 100))}" cannot be its name`)
}

async function metaOf(body: AsyncIterable<Uint8Array>): Promise<Meta> {
  const reader = new RecentReader()
  let read = 0
  for await (const piece of body) {
    reader.push(piece)
    read += piece.length
    if (reader.meta !== undefined) return reader.meta
    if (read > 64 * 1024 * 1024) throw new TidemarkError('limit', 'the principal index does not begin')
  }
  reader.end()
  return reader.meta!
}
