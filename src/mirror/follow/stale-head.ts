import { TidemarkError } from '../../errors.ts'
import { compareEpochs, nameOfHead, RecentReader, type RecentEvent } from '../../recent/index.ts'
import type { Transport } from '../transport/transport.ts'
import type { IndexCopy } from './index-copy.ts'
import type { MirrorState } from './mirror-state.ts'

/** After so many milliseconds with the same head the principal index is looked at, too. */
const trusted = 3_600_000
/** An index is written before its head: that it is newer must still be so after this long. */
const betweenWrites = 60_000

export interface StaleHeadQuery {
  readonly transport: Transport
  readonly state: MirrorState
  /** What the names of indexes begin with. */
  readonly root: string
  /** The principal as the head has it. */
  readonly principal: IndexCopy
  /** Our own copy of it. */
  readonly basis: string | undefined
  /** Milliseconds since 1970. */
  readonly now: number
  readonly signal: AbortSignal
}

/**
 * To be called when the head is the same as before. Throws `denied` when the index goes on without it: something writes
 * there now that keeps no head, as the Perl program, and whoever goes by the head hears no more.
 */
export async function checkGoesOn(query: StaleHeadQuery): Promise<void> {
  const { transport, state, now } = query
  const head = state.get('followed')
  if (state.get('stale') === head) throw staleHead(query)
  const suspected = state.get('suspected')
  const looked = state.get('looked beside')
  if (looked === undefined) return noteLook(state, now)
  const due = suspected === undefined ? Number(looked) + trusted : Number(suspected) + betweenWrites
  if (now < due) return
  if (!(await isNewer(query))) noteLook(state, now)
  else if (suspected === undefined) state.set('suspected', String(now))
  else {
    state.set('stale', head)
    throw staleHead({ transport, root: query.root, principal: query.principal })
  }
}

/** Notes that head and index fit: to be called for each new head, too. */
export function noteLook(state: MirrorState, now: number): void {
  state.set('looked beside', String(now))
  state.set('suspected', undefined)
  state.set('stale', undefined)
}

async function isNewer({ transport, principal, basis, signal }: StaleHeadQuery): Promise<boolean> {
  const { name, state: known, top, max, dirtymark } = principal
  const range = { start: 0, end: top + 4096 }
  const reading = await transport.read(name, { known, range, basis, signal })
  if (typeof reading === 'string') return false
  const reader = new RecentReader()
  const events: RecentEvent[] = []
  let read = 0
  // Read to its end, for a body that is given up takes the connection with it.
  for await (const piece of reading.body) {
    read += piece.length
    if (events.length === 0) events.push(...reader.push(piece))
  }
  if (events.length === 0 && read === reading.size) events.push(...reader.end())
  const { meta } = reader
  const newest = events[0]?.epoch
  if (meta === undefined || newest === undefined) return false
  return meta.dirtymark !== dirtymark || max === undefined || compareEpochs(newest, max) > 0
}

function staleHead({
  transport,
  root,
  principal,
}: Pick<StaleHeadQuery, 'transport' | 'root' | 'principal'>): TidemarkError {
  const head = nameOfHead(root)
  return new TidemarkError(
    'denied',
    `${transport.name}: ${principal.name} is newer than ${head}: something that keeps no head (the Perl program?) ` +
      `writes the index now. Let tidemark publish take the tree over again; or remove ${head} there, and start the ` +
      'mirror with --forget-key once',
  )
}
