import type { Id } from '../../object/id.ts'
import type { ArrivingBlock } from './arriving-blocks.ts'
import type { Pending } from './writing-threads.ts'

/** A list of chunks, which a thread needs to write a file of several. */
export interface List {
  readonly id: Id
  readonly bytes: Uint8Array
}

/** A block that has arrived, and the files that are to be written from it. */
export class WaitingBlock {
  readonly arriving: ArrivingBlock
  readonly jobs: Pending[] = []
  readonly lists: List[] = []
  /** Resolves when it has been opened. */
  readonly opened: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #places: ReadonlyMap<Id, number>
  readonly #unasked: Set<Id>
  readonly #spare = new Set<Id>()

  constructor(arriving: ArrivingBlock) {
    this.arriving = arriving
    this.#places = new Map(arriving.chunks.map(({ id }, place) => [id, place]))
    this.#unasked = new Set(this.#places.keys())
  }

  get ids(): Iterable<Id> {
    return this.#places.keys()
  }

  /** Every chunk that is expected in it has been asked for. */
  get isComplete(): boolean {
    return this.#unasked.size === 0
  }

  /** Places of the chunks that files are written from which need another block as well. */
  get spare(): number[] {
    return [...this.#spare].map((id) => this.#places.get(id)!)
  }

  ask(id: Id): void {
    this.#unasked.delete(id)
  }

  keepSpare(id: Id): void {
    this.ask(id)
    this.#spare.add(id)
  }
}
