import { randomBytes } from 'node:crypto'
import { closeSync, linkSync, openSync, readFileSync, renameSync, statSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { fromSystem, systemCode, TidemarkError } from '../../errors.ts'
import { makeDirectories, syncDirectory, syncFile, writeFully } from '../../store/durable.ts'

/**
 * Writes a file that the user alone can read: the old content or the new one, whole, also after a power cut. With
 * `exclusive` one that is there stays as it is; resolves with false then.
 */
export async function writePrivate(path: string, text: string, exclusive = false): Promise<boolean> {
  const unfinished = `${path}.${randomBytes(8).toString('hex')}`
  try {
    for (const directory of makeDirectories(dirname(path), 0o700)) await syncDirectory(directory)
    const file = openSync(unfinished, 'wx', 0o600)
    try {
      writeFully(file, Buffer.from(text))
      await syncFile(file)
    } finally {
      closeSync(file)
    }
    const isNew = putInPlace(unfinished, path, exclusive)
    await syncDirectory(dirname(path))
    return isNew
  } catch (error) {
    throw fromSystem(error, `write ${path}`)
  }
}

function putInPlace(unfinished: string, path: string, exclusive: boolean): boolean {
  if (!exclusive) {
    renameSync(unfinished, path)
    return true
  }
  try {
    linkSync(unfinished, path)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    return false
  } finally {
    unlinkSync(unfinished)
  }
}

/** The text of a file; undefined when there is none. Rejects `limit` beyond `most` bytes. */
export function readPrivate(path: string, most: number): string | undefined {
  try {
    const { size } = statSync(path)
    if (size > most) throw new TidemarkError('limit', `${path} has more than ${most} bytes`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fromSystem(error, `read ${path}`)
  }
}

/** Throws `denied` for a file that others can read. */
export function checkPrivate(path: string): void {
  const { mode } = statSync(path)
  if ((mode & 0o077) === 0) return
  throw new TidemarkError(
    'denied',
    `${path}: others can read this key; chmod 600 it, or remove it and pair again`,
  )
}
