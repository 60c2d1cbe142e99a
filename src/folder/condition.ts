/** A condition variable: what waits for threads is woken by each message of theirs, or by the first failure. */
export class Condition {
  #wakers: (() => void)[] = []
  #failure: Error | undefined

  /** From now on all waiting ends with the first error given. */
  fail(error: Error): void {
    this.#failure ??= error
    this.notify()
  }

  /** Something has changed: all that wait look again. */
  notify(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }

  /** Resolves once `holds`, which is tried again after each `notify`. Rejects with what `fail` was given. */
  async until(holds: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure
      if (holds()) return
      await new Promise<void>((resolve) => this.#wakers.push(resolve))
    }
  }
}
