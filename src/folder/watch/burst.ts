/**
 * Notices that changes may have been lost. The kernel queues them, by default 16384, and drops what comes when
 * the queue is full; Node does not pass on that it did. But a queue that overflowed was full, and what
 * is queued is told in one turn of the event loop. Some of it is for directories no longer watched and is
 * not seen, so half a queue in one turn counts as a full one.
 */
export class Burst {
  readonly #most: number
  readonly #onLoss: () => void
  readonly #nextTurn: (call: () => void) => void
  #told = 0

  constructor(queueLength: number, onLoss: () => void, nextTurn: (call: () => void) => void = setImmediate) {
    this.#most = queueLength / 2
    this.#onLoss = onLoss
    this.#nextTurn = nextTurn
  }

  /** Call at each change told of. */
  count(): void {
    if (this.#told++ === 0) this.#nextTurn(this.#turn)
  }

  readonly #turn = (): void => {
    const told = this.#told
    this.#told = 0
    if (told >= this.#most) this.#onLoss()
  }
}
