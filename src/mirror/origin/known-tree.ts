import type { Name } from '../../bytes/name.ts'
import { compareEpochs, type Change, type RecentEvent, type Recentfile } from '../../recent/index.ts'
import { TreeSum } from '../tree-sum.ts'
import type { IndexWriter } from './index-writer.ts'
import { microsecondsOf } from './microseconds.ts'
import type { Noted } from './origin-options.ts'
import type { OriginState } from './origin-state.ts'

/** What is known of a published tree: the state, and the sum of its items, which follow the index together. */
export class KnownTree {
  readonly state: OriginState
  /** The sum is that of the last sketch. */
  isSketched = false
  readonly #writer: IndexWriter
  #sum: TreeSum = TreeSum.for(0)
  /** The sum has followed changes that the state may not have: a step was broken off, by a full disk for example. */
  #sumIsAhead = false

  constructor(state: OriginState, writer: IndexWriter) {
    this.state = state
    this.#writer = writer
  }

  get root(): TreeSum['root'] {
    return this.#sum.root
  }

  get cells(): number {
    return this.#sum.cells
  }

  /** The sketch file of it. */
  encode(): Uint8Array {
    return this.#sum.encode()
  }

  /** Adds everything up anew. */
  recount(): void {
    this.#sum = TreeSum.for(this.state.count)
    this.#sum.addAll(this.state.all())
    this.isSketched = false
    this.#sumIsAhead = false
  }

  /** Lets the sum follow changes, while the state still knows what was before. To be remembered, when the head tells of it. */
  sumUp(changes: Iterable<Change>): void {
    this.#sumIsAhead = true
    for (const change of changes) this.#sumUp(change)
  }

  #sumUp({ path, type, detail }: Change): void {
    const before = this.state.find(path)
    if (before !== undefined) this.#sum.delete(path, before.detail)
    if (type === 'new') this.#sum.add(path, detail)
    this.isSketched = false
  }

  /** Lets the state follow changes that were summed up, and that the principal `file` tells of. */
  remember(noted: readonly Noted[], file: Recentfile): void {
    this.state.note(noted, () => this.#mark(file))
    this.#sumIsAhead = false
  }

  /** Notes what the principal is, of which all is known. */
  mark(more: () => void = () => {}): void {
    this.state.transaction(() => {
      this.#mark(this.#writer.read())
      more()
    })
  }

  #mark({ meta, events }: Recentfile): void {
    this.state.set('principal', this.#writer.shelf.digest(this.#writer.principal)?.sha256)
    this.state.set('newest', events[0]?.epoch)
    this.state.set('dirtymark', meta.dirtymark)
  }

  /**
   * Learns what others have written into the index (or this program, before it was killed). Mostly that is
   * nothing, or stands at the top of the principal; else all of the index is read.
   */
  absorb(): void {
    if (this.#sumIsAhead) this.recount()
    const file = this.#writer.read()
    const digest = this.#writer.shelf.digest(this.#writer.principal)
    if (digest !== undefined && digest.sha256 === this.state.get('principal')) return
    const news = this.#newsOf(file)
    this.#sumIsAhead = true
    this.state.transaction(() => {
      if (news === undefined) this.state.takeOver(this.#wholeIndex())
      else for (const event of news) this.#absorbEvent(event)
      this.#mark(file)
    })
    if (news === undefined) this.recount()
    this.#sumIsAhead = false
  }

  /** The events that are not known yet, oldest first; undefined when that cannot be told. */
  #newsOf({ meta, events }: Recentfile): RecentEvent[] | undefined {
    const newest = this.state.get('newest')
    if (newest === undefined || meta.dirtymark !== this.state.get('dirtymark')) return undefined
    const at = events.findIndex(({ epoch }) => compareEpochs(epoch, newest) <= 0)
    return at < 0 ? undefined : events.slice(0, at).toReversed()
  }

  #absorbEvent({ path, type, detail, epoch }: RecentEvent): void {
    this.#sumUp({ path, type, detail })
    if (type === 'delete') return this.state.delete(path)
    const known = this.state.find(path)
    const stamp = detail !== undefined && known?.detail === detail ? known.stamp : undefined
    this.state.put(path, { detail, epoch: microsecondsOf(epoch), stamp })
  }

  *#wholeIndex(): Generator<{ path: Name; detail: string | undefined; epoch: bigint; gone: boolean }> {
    for (const interval of this.#writer.intervals()) {
      for (const { path, detail, epoch, type } of this.#writer.shelf.stream(interval)) {
        yield { path, detail, epoch: microsecondsOf(epoch), gone: type === 'delete' }
      }
    }
  }
}
