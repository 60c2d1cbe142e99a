import { TidemarkError, systemCode } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'

/** What the process says when it ends. Part of the public interface: see docs/guide/exit-codes.md. */
export const exitCodes = {
  done: 0,
  bug: 1,
  usage: 2,
  partial: 3,
  missing: 4,
  damage: 5,
  busy: 6,
  refused: 7,
  negative: 8,
  interrupted: 130,
  terminated: 143,
} as const

export type Exit = keyof typeof exitCodes
export type ExitCode = (typeof exitCodes)[Exit]

export const exitMeanings: Readonly<Record<Exit, string>> = {
  done: 'done',
  bug: 'an error inside Tidemark: please report it',
  usage: 'the command line makes no sense as it stands',
  partial: 'done in part: something could not be read or written, and was reported',
  missing: 'what was named is not there',
  damage: 'damage found: bytes that do not match their hash or their format',
  busy: 'something else holds it, changed it meanwhile, or is there already',
  refused: 'the system, the platform or a limit did not allow it',
  negative: 'the answer is no (a difference, when asked for by --exit-code)',
  interrupted: 'stopped by Ctrl-C',
  terminated: 'stopped by SIGTERM',
}

const exitOfError: Readonly<Record<ErrorCode, Exit>> = {
  usage: 'usage',
  missing: 'missing',
  exists: 'busy',
  corrupt: 'damage',
  unsupported: 'refused',
  conflict: 'busy',
  busy: 'busy',
  denied: 'refused',
  full: 'refused',
  timeout: 'refused',
  unavailable: 'refused',
  limit: 'refused',
  cancelled: 'interrupted',
  failed: 'refused',
}

/** The one place where errors become exit codes. Anything that no part of the program foresaw is a bug. */
export function exitOf(error: unknown): Exit {
  if (error instanceof TidemarkError) return exitOfError[error.code]
  return systemCode(error) === undefined ? 'bug' : 'refused'
}
