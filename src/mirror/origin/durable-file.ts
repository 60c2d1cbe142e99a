import { closeSync, fsyncSync, openSync, renameSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { fromSystem } from '../../errors.ts'
import { writeFully } from '../../store/durable.ts'

export interface Written {
  readonly size: number
  /** In hexadecimal. */
  readonly sha256: string
}

/**
 * Puts `parts` in the place of the file `path` by rename from `<path>.new`: readers see the old content or the
 * new, whole, also after a power cut. An unfinished `.new` of earlier is overwritten; two writers at once are
 * kept apart by a lock.
 */
export function replaceFile(path: string, parts: Iterable<Uint8Array>, mode = 0o644): Written {
  const unfinished = `${path}.new`
  try {
    const digest = createHash('sha256')
    let size = 0
    const file = openSync(unfinished, 'w', mode)
    try {
      for (const part of parts) {
        digest.update(part)
        size += part.length
        writeFully(file, part)
      }
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(unfinished, path)
    return { size, sha256: digest.digest('hex') }
  } catch (error) {
    throw fromSystem(error, `write ${path}`)
  }
}
