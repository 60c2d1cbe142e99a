import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { TidemarkError } from '../../errors.ts'
import { ownDirectory } from '../../recent/index.ts'
import { MirrorState } from './mirror-state.ts'
import type { Aside } from './work-queue.ts'

/** How a mirror stands, as it is noted: for `mirror status`, for files of status and metrics. */
export interface MirrorStatus {
  readonly source: string
  readonly directory: string
  /** `complete`: it was what the origin was when that was looked at last; `partial`: but for what is set aside. */
  readonly state: 'complete' | 'partial' | 'behind' | 'failing' | 'new'
  /** When it was complete last, in milliseconds since 1970. */
  readonly completeAt: number | undefined
  /** Milliseconds since then. */
  readonly lag: number | undefined
  /** The newest epoch that is known. */
  readonly epoch: string | undefined
  /** The number of the origin's head, and the key that signed it. */
  readonly sequence: number | undefined
  readonly key: string | undefined
  readonly items: number
  /** Contents and deletes that wait to be done. */
  readonly wanted: number
  readonly deletes: number
  readonly aside: number
  /** Some of what was set aside, the most often tried first. */
  readonly asides: readonly Aside[]
  /** Why the origin could not be followed when that was tried last. */
  readonly error: string | undefined
  /** Since the mirror was begun. */
  readonly total: { readonly files: number; readonly bytes: number; readonly deleted: number }
}

const mostAsides = 100

export function statusOf(state: MirrorState, directory: string, now: number): MirrorStatus {
  const number = (key: string): number | undefined => {
    const value = state.get(key)
    return value === undefined ? undefined : Number(value)
  }
  const completeAt = number('complete')
  const error = state.get('error')
  const counts = state.counts()
  const isBehind = counts.wanted + counts.deletes > 0 || state.get('unfinished') === '1'
  const stateOf = (): MirrorStatus['state'] => {
    if (error !== undefined) return 'failing'
    if (completeAt === undefined) return 'new'
    if (isBehind) return 'behind'
    return counts.aside > 0 ? 'partial' : 'complete'
  }
  return {
    source: state.get('source') ?? '',
    directory,
    state: stateOf(),
    completeAt,
    lag: completeAt === undefined ? undefined : Math.max(0, now - completeAt),
    epoch: state.get('frontier'),
    sequence: number('sequence'),
    key: state.get('key'),
    ...counts,
    asides: counts.aside === 0 ? [] : state.work.asides(mostAsides),
    error,
    total: {
      files: number('total files') ?? 0,
      bytes: number('total bytes') ?? 0,
      deleted: number('total deleted') ?? 0,
    },
  }
}

/** The status of the mirror in `directory`, which may be at work. Throws `missing` when there is none. */
export function readStatus(directory: string, now: number): MirrorStatus {
  const path = join(directory, ownDirectory, 'mirror.db')
  if (!existsSync(path)) throw new TidemarkError('missing', `${directory} is no mirror: there is no ${path}`)
  const state = MirrorState.open(path, { readOnly: true })
  try {
    return statusOf(state, directory, now)
  } finally {
    state.close()
  }
}
