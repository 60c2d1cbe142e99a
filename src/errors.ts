/**
 * The one error class. A code says what the caller can do next; the message says it to a person.
 * Codes are part of the public interface: they appear in `--json` output and decide exit codes.
 */
export type ErrorCode =
  | 'usage' // the request itself makes no sense: change it
  | 'missing' // the named thing is not there
  | 'exists' // the named thing is there already
  | 'corrupt' // bytes that do not match their hash or their format
  | 'unsupported' // a newer format, or something this platform cannot do
  | 'conflict' // someone else changed it meanwhile: look again and retry
  | 'busy' // another process holds it: wait
  | 'denied' // permissions, or a read-only place
  | 'full' // no space left
  | 'timeout' // no answer in time
  | 'unavailable' // out of reach just now: a retry may help
  | 'limit' // input beyond a stated limit
  | 'cancelled' // the caller's own AbortSignal
  | 'failed' // anything else that the system refused

export class TidemarkError extends Error {
  override readonly name = 'TidemarkError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** True for a {@link TidemarkError} of one of `codes` (of any code, when none is given). */
export function isTidemarkError(error: unknown, ...codes: ErrorCode[]): error is TidemarkError {
  return error instanceof TidemarkError && (codes.length === 0 || codes.includes(error.code))
}

/** Bytes that break a format: what was being read, and what is wrong with it. */
export function corrupt(what: string, problem: string): TidemarkError {
  return new TidemarkError('corrupt', `${what}: ${problem}`)
}

const systemCodes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'missing',
  EEXIST: 'exists',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  ETIMEDOUT: 'timeout',
  EBUSY: 'busy',
  ETXTBSY: 'busy',
  ESTALE: 'unavailable',
  ENOTCONN: 'unavailable',
  EHOSTDOWN: 'unavailable',
  EMFILE: 'unavailable',
  ENFILE: 'unavailable',
  EAGAIN: 'unavailable',
  ENOTSUP: 'unsupported',
  EOPNOTSUPP: 'unsupported',
  ENOSYS: 'unsupported',
}

/** The `code` a system call failed with (`ENOENT`…), or undefined when `error` is not of that kind. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined
}

/** Wraps what a system call threw, saying what was being done. A TidemarkError passes through unchanged. */
export function fromSystem(error: unknown, doing: string): TidemarkError {
  if (error instanceof TidemarkError) return error
  const system = systemCode(error)
  const code = system === undefined ? 'failed' : (systemCodes[system] ?? 'failed')
  return new TidemarkError(code, `${doing}: ${placedReason(error, doing)}`, { cause: error })
}

/** What the system said, for a person: "ENOENT: no such file or directory, lstat '/a'" becomes "no such file or directory". */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return /^E[A-Z0-9]+: (.+?)(?:, [a-z_]+(?: '.*)?)?$/s.exec(error.message)?.[1] ?? error.message
}

/** The reason, behind the path when `doing` does not have it. */
function placedReason(error: unknown, doing: string): string {
  const reason = reasonOf(error)
  if (!(error instanceof Error) || reason === error.message) return reason
  const path = 'path' in error && typeof error.path === 'string' ? error.path : ''
  // What is reached by descriptors is named by whoever does that.
  const isTold =
    path === '' || path.startsWith('/proc/') || doing.includes(path.slice(path.lastIndexOf('/') + 1))
  return isTold ? reason : `${path}: ${reason}`
}
