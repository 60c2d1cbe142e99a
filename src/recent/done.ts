import { TidemarkError } from '../errors.ts'
import { compareEpochs, maxEpoch, minEpoch, type Epoch } from './epoch.ts'

export interface DoneInterval {
  readonly high: Epoch
  readonly low: Epoch
}

/**
 * Which stretches of an index have been dealt with. Only neighbours in an index make a stretch contiguous:
 * between two epochs that are not next to each other something else may have happened.
 */
export class Done {
  /** Newest first, apart from each other. */
  #intervals: DoneInterval[] = []

  get intervals(): readonly DoneInterval[] {
    return this.#intervals
  }

  /** True when everything from `high` down to `low` is known to be dealt with. */
  covered(high: Epoch, low: Epoch = high): boolean {
    return this.#intervals.some(
      (interval) => compareEpochs(interval.high, high) >= 0 && compareEpochs(interval.low, low) <= 0,
    )
  }

  /**
   * The events number `from` up to, not including, `to` of an index (newest first) have been dealt with: all when
   * left out.
   */
  register(events: readonly { readonly epoch: Epoch }[], from = 0, to: number = events.length): void {
    if (from < 0 || to > events.length)
      throw new TidemarkError('usage', `there are no events ${from} to ${to}`)
    if (from >= to) return
    const newer = events[from - 1]?.epoch
    const older = events[to]?.epoch
    let [high, low] = [events[from]!.epoch, events[to - 1]!.epoch]
    // A neighbour that is covered joins this stretch to its own.
    for (const interval of this.#intervals) {
      if (newer !== undefined && holds(interval, newer)) high = maxEpoch(high, interval.high)
      if (older !== undefined && holds(interval, older)) low = minEpoch(low, interval.low)
    }
    this.#insert({ high, low })
  }

  /** What the other has dealt with counts here too: of an index whose events flow into this one. */
  merge(other: Done): void {
    for (const interval of other.#intervals) this.#insert(interval)
  }

  reset(): void {
    this.#intervals = []
  }

  #insert({ high, low }: DoneInterval): void {
    const apart: DoneInterval[] = []
    for (const interval of this.#intervals) {
      if (compareEpochs(interval.low, high) > 0 || compareEpochs(interval.high, low) < 0) apart.push(interval)
      else {
        high = maxEpoch(high, interval.high)
        low = minEpoch(low, interval.low)
      }
    }
    const at = apart.findIndex((interval) => compareEpochs(interval.high, high) < 0)
    apart.splice(at < 0 ? apart.length : at, 0, { high, low })
    this.#intervals = apart
  }
}

function holds({ high, low }: DoneInterval, epoch: Epoch): boolean {
  return compareEpochs(high, epoch) >= 0 && compareEpochs(low, epoch) <= 0
}
