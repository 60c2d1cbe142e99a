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
  /** By the two that were to be merged, and by who was asked. */
  readonly #found = new Map<string, Map<string, Set<Id>>>()

  add(head: Head): void {
    this.#all.set(head.id, head)
  }

  found(host: string, one: Head, other: Head, bases: readonly Head[]): void {
    const key = keyOf([one.id, other.id])
    const byHost = this.#found.get(key) ?? new Map<string, Set<Id>>()
    this.#found.set(key, byHost)
    const known = byHost.get(host) ?? new Set()
    for (const { id } of bases) known.add(id)
    byHost.set(host, known)
  }

  /** Whether `host` may have made this merge with less than all that came before its parents. */
  isBlind(host: string, { snapshot: { parents } }: Head): boolean {
    const byHost = parents.length === 2 ? this.#found.get(keyOf(parents)) : undefined
    const [one, other] = parents.map((id) => this.#all.get(id))
    if (byHost === undefined || one === undefined || other === undefined) return false
    const common = [...this.#all.values()].filter((head) => isBefore(head, one) && isBefore(head, other))
    const last = common.filter(
      (head) => !common.some((later) => later.id !== head.id && isBefore(head, later)),
    )
    const own = byHost.get(host) ?? new Set()
    // The same two may have been merged by others, too.
    const peers = [...byHost].filter(([peer]) => peer !== host).map(([, found]) => found)
    return peers.some((found) => last.some(({ id }) => !own.has(id) && !found.has(id)))
  }
}

function isBefore(a: Head, b: Head): boolean {
  return a.id === b.id || ['before', 'equal'].includes(compareClocks(placed(a), placed(b)))
}

function keyOf(ids: readonly Id[]): string {
  return ids.toSorted().join('')
}
