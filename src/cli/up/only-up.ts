import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { displayName } from '../../bytes/name.ts'
import { fromSystem } from '../../errors.ts'
import { takeProcessLock } from '../../store/process-lock.ts'

/**
 * One `tidemark up` a file, on this machine: a second one would only do the same again. `state` is the directory that
 * homes on a server may share with other machines. Throws `busy`.
 */
export function beOnlyUp(file: string, state: string): Disposable {
  const name = createHash('sha256')
    .update(`${hostname()}\0${realpathSync(file)}`)
    .digest('hex')
    .slice(0, 16)
  try {
    mkdirSync(state, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fromSystem(error, `make ${state}`)
  }
  return takeProcessLock(join(state, `up-${name}.lock`), `tidemark up with ${displayName(file)} runs`)
}
