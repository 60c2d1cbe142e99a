import { fromSystem, isTidemarkError, systemCode, TidemarkError } from '../errors.ts'

/** What passes by itself: too many open files, a network file system that is being mounted again. */
const passing: ReadonlySet<string | undefined> = new Set([
  'EAGAIN',
  'EHOSTDOWN',
  'EINTR',
  'EMFILE',
  'ENFILE',
  'ENOTCONN',
  'ESTALE',
])

/** What a system call threw, in the codes of the contract of a bucket. */
export function directoryError(error: unknown, doing: string): TidemarkError {
  if (passing.has(systemCode(error))) {
    return new TidemarkError('unavailable', fromSystem(error, doing).message, { cause: error })
  }
  const wrapped = fromSystem(error, doing)
  if (isTidemarkError(wrapped, 'exists', 'busy', 'unsupported')) {
    return new TidemarkError('failed', wrapped.message, { cause: error })
  }
  return wrapped
}

/** True when there is no such file: none of that name, or one of the directories above it is none. */
export function isAbsent(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
