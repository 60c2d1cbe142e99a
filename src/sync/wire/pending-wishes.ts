import type { Id } from '../../object/id.ts'

/** Wishes that have been told and not been answered. They are answered in their order, but for some that come in blocks. */
export class PendingWishes<T extends { readonly id: Id }> {
  #wishes: T[] = []
  #next = 0
  /** How often each waits, and how often it has been answered before its turn. */
  readonly #waiting = new Map<Id, number>()
  readonly #answered = new Map<Id, number>()

  put(wish: T): void {
    this.#wishes.push(wish)
    add(this.#waiting, wish.id, 1)
  }

  /** The next in order, which is answered now; undefined when there is none. */
  take(): T | undefined {
    const wish = this.#wishes[this.#next]
    if (wish === undefined) return undefined
    add(this.#waiting, wish.id, -1)
    this.#pass()
    return wish
  }

  /** Answers the first that wishes for `id`, out of turn. False when none does. */
  answer(id: Id): boolean {
    if (!add(this.#waiting, id, -1)) return false
    if (this.#wishes[this.#next]!.id === id) this.#pass()
    else add(this.#answered, id, 1)
    return true
  }

  /** Goes on to the next that has not been answered: none is held for longer than until then. */
  #pass(): void {
    for (let isAnswered = true; isAnswered;) {
      if (++this.#next === 4096) {
        this.#wishes = this.#wishes.slice(this.#next)
        this.#next = 0
      }
      const wish = this.#wishes[this.#next]
      isAnswered = wish !== undefined && add(this.#answered, wish.id, -1)
    }
  }

  /** How many are held at most: those that wait, and what was answered before one of them. */
  get held(): number {
    return this.#wishes.length
  }
}

/** False, with nothing done, when there would be less than none. */
function add(counts: Map<Id, number>, id: Id, more: number): boolean {
  const count = (counts.get(id) ?? 0) + more
  if (count < 0) return false
  if (count === 0) counts.delete(id)
  else counts.set(id, count)
  return true
}
