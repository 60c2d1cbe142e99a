import { compareClocks } from '../../src/object/clock.ts'
import type { Id } from '../../src/object/id.ts'
import { placed } from '../../src/sync/base.ts'
import type { Head } from '../../src/sync/head.ts'

/**
 * Knows all snapshots of a world, and so whether those who merge two of them had what was to be had: the last that came
 * before both. Replicas that both went past it without ever holding it have not; then what was deleted may come back.
 */
export class KnownBases {
  readonly #all = new Map<Id, Head>()
  readonly #found = new Map<string, Set<Id>>()

  add(head: Head): void {
    this.#all.set(head.id, head)
  }

  found(one: Head, other: Head, bases: readonly Head[]): void {
    const key = keyOf([one.id, other.id])
    const known = this.#found.get(key) ?? new Set()
    for (const { id } of bases) known.add(id)
    this.#found.set(key, known)
  }

  /** Whether a merge was made with less than all that came before its parents. */
  isBlind({ snapshot: { parents } }: Head): boolean {
    const found = parents.length === 2 ? this.#found.get(keyOf(parents)) : undefined
    const [one, other] = parents.map((id) => this.#all.get(id))
    if (found === undefined || one === undefined || other === undefined) return false
    const common = [...this.#all.values()].filter((head) => isBefore(head, one) && isBefore(head, other))
    const last = common.filter(
      (head) => !common.some((later) => later.id !== head.id && isBefore(head, later)),
    )
    return last.some(({ id }) => !found.has(id))
  }
}

function isBefore(a: Head, b: Head): boolean {
  return a.id === b.id || ['before', 'equal'].includes(compareClocks(placed(a), placed(b)))
}

function keyOf(ids: readonly Id[]): string {
  return ids.toSorted().join('')
}
