import { readdirSync, readFileSync } from 'node:fs'
import { systemCode } from '../errors.ts'
import { compareVersions, versionOfFile, type VersionName } from './version-name.ts'

/** The versions that have a file in `directory`, oldest first. Files of other names do not count. */
export function versionsIn(directory: string): VersionName[] {
  const versions: VersionName[] = []
  for (const file of namesIn(directory)) {
    const version = versionOfFile(file)
    if (version !== undefined) versions.push(version)
  }
  return versions.toSorted(compareVersions)
}

/** What is in `directory`, in order; nothing when it is not there. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/** What is in a file; undefined when it is not there. */
export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
