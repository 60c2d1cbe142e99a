import { fromSystem, TidemarkError } from '../errors.ts'

/** Says of what went wrong with reading an index in which file that is. */
export function inIndex(file: string, error: unknown): TidemarkError {
  if (error instanceof TidemarkError)
    return new TidemarkError(error.code, `${file}: ${error.message}`, { cause: error })
  return fromSystem(error, `read ${file}`)
}
