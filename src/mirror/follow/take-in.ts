import type { TidemarkError } from '../../errors.ts'
import { compareEpochs, type Epoch } from '../../recent/index.ts'
import { absorb } from './absorb.ts'
import type { IndexCopy } from './index-copy.ts'
import { eventsIn } from './index-events.ts'
import type { MirrorState } from './mirror-state.ts'
import type { OwnCopies } from './own-copies.ts'

export interface TakeInOptions {
  readonly state: MirrorState
  readonly own: OwnCopies
  /** What the names of indexes begin with. */
  readonly root: string
  readonly onRefused: (error: TidemarkError) => void
}

/** Takes copies into the state, principal first, until there is no gap left to what is known, and notes them. */
export function takeIn(
  copies: readonly IndexCopy[],
  anew: boolean,
  options: TakeInOptions,
): { readonly events: number; readonly full: boolean } {
  const { state, own } = options
  const [first] = copies
  const isDirty = copies.some((copy, tier) => {
    const noted = own.at(tier)
    return noted !== undefined && noted.name === copy.name && noted.dirtymark !== copy.dirtymark
  })
  let full = anew || isDirty || isBeginning(first!, state)
  let { events, closed } = take(copies, full, options)
  // Nothing overlaps with what is known: deletes may have dropped out, so everything has to be compared.
  if (!closed && !full) {
    full = true
    events = take(copies, true, options).events
  }
  // First the files, then the note of them: a copy that is not what was noted is read again.
  own.keep(copies)
  state.step(() => {
    if (full) {
      const rank = Number(state.get('rank') ?? 0) + 1
      events += state.work.sweep(roundOf(state), copies.length - 1, rank)
    }
    state.set('frontier', newestOf(copies) ?? '0')
    state.set('dirtymark', first!.dirtymark)
    for (const [tier, copy] of copies.entries()) own.note(tier, copy)
    state.dropTiers(copies.length)
  })
  return { events, full }
}

/** Nothing is known yet, or what was known counts no longer. */
export function isBeginning({ dirtymark }: IndexCopy, state: MirrorState): boolean {
  return state.get('frontier') === undefined || (state.get('dirtymark') ?? '') !== (dirtymark ?? '')
}

/** Whether an index, whose newest copy is in the file `path`, goes back to what is known, so that nothing lies between. */
export function reaches(copy: IndexCopy, path: string, state: MirrorState): boolean {
  const frontier = state.get('frontier')
  if (frontier === undefined) return false
  if (isMergedUpTo(copy, frontier)) return true
  for (const { epoch } of eventsIn(path)) {
    if (compareEpochs(epoch, frontier) <= 0) return true
  }
  return false
}

function take(
  copies: readonly IndexCopy[],
  full: boolean,
  { state, own, root, onRefused }: TakeInOptions,
): { events: number; closed: boolean } {
  if (full) state.set('round', String(roundOf(state) + 1))
  const frontier = full ? undefined : state.get('frontier')
  const round = roundOf(state)
  let events = 0
  for (const [tier, copy] of copies.entries()) {
    const path = own.newest(copy.name)
    const absorbed = absorb(state, path, { root, tier, frontier, round, onRefused })
    events += absorbed.events
    if (absorbed.closed || (frontier !== undefined && isMergedUpTo(copy, frontier)))
      return { events, closed: true }
  }
  return { events, closed: full }
}

/** Nothing newer than its merged epoch has ever been dropped from an index. */
function isMergedUpTo({ merged }: IndexCopy, frontier: Epoch): boolean {
  return merged !== undefined && compareEpochs(merged, frontier) <= 0
}

function newestOf(copies: readonly IndexCopy[]): Epoch | undefined {
  let newest: Epoch | undefined
  for (const { max } of copies) {
    if (newest === undefined || (max !== undefined && compareEpochs(max, newest) > 0)) newest = max
  }
  return newest
}

function roundOf(state: MirrorState): number {
  return Number(state.get('round') ?? 0)
}
