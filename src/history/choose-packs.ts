import { packSize } from '../store/repository/pack-writer.ts'
import type { PackUse } from './survey.ts'

/** What is to become of packs. */
export interface PackChoice {
  /** Nothing in them is needed. */
  readonly dead: readonly PackUse[]
  /** Their chunks in use are written anew, into fewer packs. */
  readonly rewritten: readonly PackUse[]
}

/** Packs below this share of the usual size are merged once there are `fanIn` of about the same size. */
const smallShare = 1 / 4
const fanIn = 8

/**
 * Chooses packs to be rid of: those without any use, those of whose bytes more than `deadShare` (0 to 1) are
 * in no use, and small ones that frequent snapshots have left in numbers. Each byte is merged no oftener
 * than its pack can grow by a factor of `fanIn`.
 */
export function choosePacks(packs: Iterable<PackUse>, deadShare: number): PackChoice {
  const dead: PackUse[] = []
  const rewritten: PackUse[] = []
  const small: PackUse[] = []
  for (const pack of packs) {
    if (pack.usedChunks === 0) dead.push(pack)
    else if (1 - pack.usedBytes / pack.size > deadShare && worthRewriting(pack)) rewritten.push(pack)
    else if (pack.size < packSize * smallShare) small.push(pack)
  }
  const tiers = Map.groupBy(small, ({ size, metadata }) => {
    const magnitude = Math.floor(Math.log(size) / Math.log(fanIn))
    return `${metadata ? 'metadata' : 'data'} ${magnitude}`
  })
  for (const tier of tiers.values()) if (tier.length >= fanIn) rewritten.push(...tier)
  return { dead, rewritten }
}

/** A pack of a few chunks is mostly header and footer, and would be no better afterwards. */
function worthRewriting({ size, usedBytes }: PackUse): boolean {
  return size - usedBytes > 4096
}
