import { displayName } from '../../bytes/name.ts'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import {
  checkPath,
  compareEpochs,
  isIndexPath,
  parseDetail,
  RecentReader,
  type Epoch,
  type RecentEvent,
} from '../../recent/index.ts'
import { eventsIn } from './index-events.ts'
import type { MirrorState } from './mirror-state.ts'

export interface AbsorbOptions {
  /** What the names of indexes begin with: such paths are no entries of the tree. */
  readonly root: string
  /** Which index this is: 0 is the principal. */
  readonly tier: number
  /** Everything up to here is known: reading stops there. Undefined in a full reading. */
  readonly frontier: Epoch | undefined
  /** The number of the full reading. */
  readonly round: number
  /** Told of each event that is refused, and why. */
  readonly onRefused: (error: TidemarkError) => void
}

export interface Absorbed {
  /** Events that were new. */
  readonly events: number
  /** The index reaches down to the frontier: nothing between is unknown. */
  readonly closed: boolean
}

/** Events remembered in one step. */
const atOnce = 5000

/**
 * Takes the events of an index into the state, newest first. Events are refused one by one: an origin that has a
 * bad one among a million good ones is followed for the rest.
 */
export function absorb(state: MirrorState, path: string, options: AbsorbOptions): Absorbed {
  const { frontier } = options
  const absorbing = new Absorbing(state, options)
  let batch: RecentEvent[] = []
  const flush = (): void => {
    state.step(() => {
      for (const event of batch) absorbing.take(event)
      absorbing.note()
    })
    batch = []
  }
  let last: Epoch | undefined
  for (const event of eventsIn(path, new RecentReader())) {
    if (frontier !== undefined && compareEpochs(event.epoch, frontier) <= 0) {
      flush()
      return { events: absorbing.events, closed: true }
    }
    // Newest first is what everything rests on: what stands after an older event is refused.
    if (last !== undefined && compareEpochs(event.epoch, last) > 0) absorbing.disorder(event)
    else {
      last = event.epoch
      batch.push(event)
    }
    if (batch.length >= atOnce) flush()
  }
  flush()
  return { events: absorbing.events, closed: false }
}

class Absorbing {
  events = 0
  readonly #state: MirrorState
  readonly #options: AbsorbOptions
  #rank: number

  constructor(state: MirrorState, options: AbsorbOptions) {
    this.#state = state
    this.#options = options
    this.#rank = Number(state.get('rank') ?? 0)
  }

  disorder({ path }: RecentEvent): void {
    const shown = displayName(path.slice(0, 200))
    this.#refuse(`entry "${shown}": it is newer than the one before it in the index`)
  }

  #refuse(problem: string): void {
    this.#options.onRefused(new TidemarkError('corrupt', problem))
  }

  take(event: RecentEvent): void {
    const { root, tier, frontier, round } = this.#options
    const { path, epoch } = event
    if (isIndexPath(path, root)) return
    try {
      checkPath(path)
      if (event.detail !== undefined && event.type === 'new') parseDetail(event.detail)
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      this.#refuse(named(error.message, path))
      return
    }
    const known = this.#state.items.find(path)
    const isFull = frontier === undefined
    if (known !== undefined && (!isFull || known.round === round)) {
      const order = compareEpochs(known.epoch, epoch)
      if (order > 0 || (order === 0 && (!isFull || known.round === round))) return
    }
    const gone = event.type === 'delete'
    const detail = gone ? '' : (event.detail ?? '')
    this.events++
    // What is in its place already, as its detail proves, is not brought again.
    if (!gone && detail !== '' && known?.have === detail && !known.lost)
      this.#state.items.settle({ path, epoch, detail, round })
    else this.#state.work.tell({ path, epoch, gone, detail, round, tier, rank: ++this.#rank })
  }

  /** To be called at the end of each step. */
  note(): void {
    this.#state.set('rank', String(this.#rank))
  }
}

function named(message: string, path: string): string {
  const shown = displayName(path.slice(0, 200))
  return message.includes(shown) ? message : `entry "${shown}": ${message}`
}
