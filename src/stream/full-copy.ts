import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../errors.ts'
import type { StreamLayout } from './layout.ts'
import type { VersionName } from './version-name.ts'

/** The full copy in `latest`, if there is one. */
export function readFull(layout: StreamLayout, name: VersionName): Buffer | undefined {
  return readIfThere(join(layout.latest, `${name}.txt`))
}

export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
