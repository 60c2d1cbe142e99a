import { accessSync, constants, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fromSystem, systemCode, TidemarkError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const [busy, locked, readOnly, ioError, damaged, full, cannotOpen, noDatabase] = [5, 6, 8, 10, 11, 13, 14, 26]

const told: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [busy]: ['busy', 'another process uses it: try again later'],
  [locked]: ['busy', 'another process uses it: try again later'],
  [readOnly]: ['denied', 'it cannot be written'],
  [damaged]: ['corrupt', 'it is damaged'],
  [full]: ['full', 'no space left on device'],
  [cannotOpen]: ['denied', 'it cannot be opened'],
  [noDatabase]: ['corrupt', 'it is damaged: no database'],
}

/** Wraps what SQLite threw about the database in the file `path`, saying what was being done with it. */
export function fromDatabase(error: unknown, doing: string, path: string): TidemarkError {
  const number = numberOf(error)
  if (number === undefined) return fromSystem(error, doing)
  const refusal = isRefusedByDisk(error) ? refusalOf(path, doing, error) : undefined
  if (refusal !== undefined) return refusal
  const [code, reason] = told[number] ?? ['failed', error instanceof Error ? error.message : String(error)]
  return new TidemarkError(code, `${doing}: ${reason}`, { cause: error })
}

export function isDamagedDatabase(error: unknown): boolean {
  const number = numberOf(error)
  return number === damaged || number === noDatabase
}

export function isBusyDatabase(error: unknown): boolean {
  const number = numberOf(error)
  return number === busy || number === locked
}

/** The disk or the rights on it do not allow what was tried: it may still be read. */
export function isRefusedByDisk(error: unknown): boolean {
  return [readOnly, ioError, full, cannotOpen].includes(numberOf(error) ?? 0)
}

/** SQLite does not tell why the system refused: the system is asked again. */
function refusalOf(path: string, doing: string, cause: unknown): TidemarkError | undefined {
  const { R_OK, W_OK, X_OK } = constants
  const directory = dirname(path)
  try {
    accessSync(directory, R_OK | W_OK | X_OK)
    accessSync(path, R_OK | W_OK)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') return fromSystem(error, doing)
  }
  try {
    const { bavail, files, ffree } = statfsSync(directory)
    if (bavail > 0 && (files === 0 || ffree > 0)) return undefined
    return new TidemarkError('full', `${doing}: no space left on device`, { cause })
  } catch (error) {
    return fromSystem(error, doing)
  }
}

function numberOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
}
