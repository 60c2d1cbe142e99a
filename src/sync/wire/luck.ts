/** So many failures in a row, and only one in so many chances is taken. */
const patience = 8
const rarely = 16

/**
 * Whether to try what sometimes pays: as long as it does now and then always, and seldom once it has failed several
 * times in a row. Tries and their outcomes may overlap.
 */
export class Luck {
  #failures = 0
  #chances = 0

  tries(): boolean {
    if (this.#failures < patience) return true
    return ++this.#chances % rarely === 0
  }

  outcome(paid: boolean): void {
    this.#failures = paid ? 0 : this.#failures + 1
  }
}
