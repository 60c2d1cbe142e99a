import type { ApplyCounts } from '../folder/apply/apply.ts'
import type { Problem } from '../folder/apply/problem.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Guard } from './guard.ts'
import type { Head } from './head.ts'
import type { Conflict } from './merge/conflict.ts'
import type { Relation } from './relation.ts'

export interface PullOptions extends CallOptions {
  /** The newest snapshots of both, where they are known already. */
  readonly mine?: Head | undefined
  readonly theirs?: Head | undefined
  readonly guard?: Guard | undefined
  readonly onProgress?: ((progress: PullProgress) => void) | undefined
  /** Is told of everything that was taken in. */
  readonly onPulled?: ((pulled: Pulled) => void) | undefined
}

export interface PullProgress {
  readonly phase: 'contents' | 'files'
  /** Entries seen to, and bytes fetched or written, in this phase. */
  readonly files: number
  readonly bytes: number
}

export interface Pulled {
  /** What this side did, or tried to. */
  readonly relation: Relation
  /** Its newest snapshot now, and what the other side's was. */
  readonly head: Head
  readonly theirs: Head
  /** All of what the other side had is taken in. */
  readonly done: boolean
  readonly conflicts: readonly Conflict[]
  readonly counts: ApplyCounts
  readonly problems: readonly Problem[]
}

/** So often is planned again when files change while they are to be replaced. */
export const maxAttempts = 5

/** Somebody was changing files, or putting some into a directory that is to go: it is worth another try. */
export function isBusy({ problems }: Pick<Pulled, 'problems'>): boolean {
  return problems.some(({ code }) => code === 'conflict' || code === 'not-empty')
}
