import { displayName, type Name } from '../../bytes/name.ts'
import { fromSystem, systemCode, TidemarkError, type ErrorCode } from '../../errors.ts'
import { errnoError } from './libc.ts'
import { displayPath, type SystemPath } from './paths.ts'

/** Refuses with `usage` what cannot name an entry of a directory, or would lead out of it. */
export function checkEntryName(name: Name): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new TidemarkError('usage', `'${displayName(name)}' cannot name an entry of a directory`)
  }
}

/** What an entry answers that is of another kind than it was when it was looked at, or is held by a lease. */
const answers: Readonly<Record<string, ErrorCode>> = {
  ELOOP: 'conflict',
  ENOTDIR: 'conflict',
  ENXIO: 'conflict',
  EAGAIN: 'busy',
}

/**
 * The error for a call on an entry of an open directory, told with `path`: the path that the call itself
 * was given goes through /proc and means nothing to a person.
 */
export function refusal(error: unknown, doing: string, path: SystemPath): TidemarkError {
  const origin = error instanceof TidemarkError ? error.cause : error
  const what = `${doing} ${displayPath(path)}`
  const system = systemCode(origin)
  if (system === undefined) return fromSystem(error, what)
  const { errno } = origin as NodeJS.ErrnoException
  const told = fromSystem(errno === undefined ? origin : errnoError(-errno), what)
  const code = answers[system]
  return code === undefined ? told : new TidemarkError(code, told.message, { cause: origin })
}
