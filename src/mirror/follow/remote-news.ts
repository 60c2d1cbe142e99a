import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TidemarkError } from '../../errors.ts'
import { openDirectory } from '../../folder/system/directory-handle.ts'
import {
  compareEpochs,
  news,
  RecentReader,
  type NewsQuery,
  type RecentEvent,
  type Recentfile,
} from '../../recent/index.ts'
import type { Location } from '../transport/location.ts'
import { openTransport } from '../transport/open-transport.ts'
import type { Transport } from '../transport/transport.ts'
import { findPrincipal, indexNames } from './index-names.ts'

/** More is not held in memory. */
const largestFile = 256 * 1024 ** 2

/**
 * What happened at an origin, newest first, without a mirror of it: index after index is read as far as the answer
 * needs them, and nothing is kept. What is read is believed.
 */
export async function remoteNews(
  source: Location,
  query: NewsQuery,
  signal: AbortSignal,
): Promise<RecentEvent[]> {
  const local = mkdtempSync(join(tmpdir(), 'tidemark-news-'))
  const scratch = openDirectory(local)
  const transport = openTransport(source, { scratch, local })
  try {
    const principal = await findPrincipal(transport, { principal: source.principal, root: 'RECENT', signal })
    const first = await readFile(transport, principal, signal)
    if (first === undefined) throw new TidemarkError('missing', `${transport.name} has no ${principal}`)
    const files = [first]
    for (const name of indexNames(principal, first.meta).slice(1)) {
      if (isEnough(files, query)) break
      const file = await readFile(transport, name, signal)
      // Not merged into yet.
      if (file !== undefined) files.push(file)
    }
    return [...news(files, query)]
  } finally {
    await transport.close()
    scratch.close()
    rmSync(local, { recursive: true, force: true })
  }
}

function isEnough(files: readonly Recentfile[], query: NewsQuery): boolean {
  const oldest = files.at(-1)!.events.at(-1)?.epoch
  if (query.after !== undefined && oldest !== undefined && compareEpochs(oldest, query.after) <= 0)
    return true
  if (query.max === undefined) return false
  let found = 0
  for (const _ of news(files, query)) found++
  return found >= query.max
}

async function readFile(
  transport: Transport,
  name: string,
  signal: AbortSignal,
): Promise<Recentfile | undefined> {
  const reading = await transport.read(name, { signal })
  if (typeof reading === 'string') return undefined
  const reader = new RecentReader()
  const events: RecentEvent[] = []
  let size = 0
  for await (const piece of reading.body) {
    size += piece.length
    if (size > largestFile)
      throw new TidemarkError(
        'limit',
        `${name} is too large to be held: mirror the tree, and ask for news there`,
      )
    for (const event of reader.push(piece)) events.push(event)
  }
  for (const event of reader.end()) events.push(event)
  return { meta: reader.meta!, events }
}
