import { displayName, type Name } from '../../bytes/name.ts'
import { fromSystem, isTidemarkError, systemCode, TidemarkError } from '../../errors.ts'

export type ProblemCode =
  | 'unreadable' // its content was not readable when the snapshot was taken: there is nothing to give back
  | 'unstable' // it changed all the time then: what was given back may mix several of its states
  | 'lost-metadata' // it is there, but for an owner, mode, attribute or time that could not be set
  | 'conflict' // someone else changed it meanwhile: it was left as it is
  | 'not-empty' // a directory that stands in the way holds something, and nothing may be deleted
  | 'reserved' // a name that belongs to Tidemark itself
  | 'missing' // its content is not in the repository
  | 'corrupt' // its content is damaged in the repository
  | 'failed' // the system refused

/** What could not be given back as it was, and why. */
export interface Problem {
  /** From the root of the tree. */
  readonly path: Name
  readonly code: ProblemCode
  readonly message: string
}

/** So many problems are told one by one; beyond it they are only counted. */
export const mostProblems = 1000

/** Collects problems in bounded memory. */
export class Problems {
  readonly list: Problem[] = []
  /** All of them, those that are not in the list as well. */
  count = 0
  /** Those for which something is not as it is wanted, other than metadata and what nobody could read. */
  undone = 0
  /** Which there are, among all of them. */
  readonly codes: Set<ProblemCode> = new Set()

  add(path: Name, code: ProblemCode, message: string): void {
    this.count++
    this.codes.add(code)
    if (!isBearable(code)) this.undone++
    if (this.list.length < mostProblems) this.list.push({ path, code, message })
  }

  addError(path: Name, error: unknown): void {
    this.add(path, ...describeFailure(error, path))
  }
}

/** Whether everything is as it is wanted all the same, as far as that can be. */
export function isBearable(code: ProblemCode): boolean {
  return code === 'lost-metadata' || code === 'unstable' || code === 'unreadable'
}

const endingCodes = ['cancelled', 'timeout', 'unavailable'] as const

/** Failures after which everything else would fail as well, or that are none of a single file's. */
const endingSystemCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM'])

/** Whether after this failure everything else would fail as well. */
export function endsEverything(error: unknown): boolean {
  const origin = error instanceof TidemarkError && error.cause !== undefined ? error.cause : error
  const system = systemCode(origin)
  if (system === undefined) return !isTidemarkError(error) || isTidemarkError(error, ...endingCodes)
  return endingSystemCodes.has(system)
}

/** What to say of a failure that concerns the entry at `path` only. Throws it again when it does not. */
export function describeFailure(error: unknown, path: Name): [ProblemCode, string] {
  const origin = error instanceof TidemarkError && error.cause !== undefined ? error.cause : error
  const system = systemCode(origin)
  if (system === undefined && !isTidemarkError(error)) throw error
  if (isTidemarkError(error, ...endingCodes)) throw error
  if (system !== undefined && endingSystemCodes.has(system))
    throw fromSystem(error, `restore ${displayName(path)}`)
  const message = isTidemarkError(error)
    ? error.message
    : fromSystem(error, 'restore').message.replace(/^restore: /, '')
  if (isTidemarkError(error, 'missing', 'corrupt', 'conflict') && system === undefined) {
    return [error.code as 'missing' | 'corrupt' | 'conflict', message]
  }
  return [isTidemarkError(error, 'conflict') ? 'conflict' : 'failed', message]
}
