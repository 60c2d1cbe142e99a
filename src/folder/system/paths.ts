import { readdirSync, readlinkSync } from 'node:fs'
import { displayName, nameFromBytes, nameToBytes, type Name } from '../../bytes/name.ts'
import { fromSystem } from '../../errors.ts'

/**
 * A path as node:fs takes it. Whole paths may be held as strings in the manner of {@link Name} (each part is
 * one, and `/` is never part of an escape); node:fs would turn their escapes into U+FFFD and find nothing,
 * so every path goes through {@link systemPath} on its way out.
 */
export type SystemPath = string | Buffer

/** The path for node:fs: itself, or its bytes where it is no valid UTF-8. */
export function systemPath(path: SystemPath): SystemPath {
  if (typeof path !== 'string' || path.isWellFormed()) return path
  return Buffer.from(nameToBytes(path))
}

/** The path for node:fs of the entry `name` of `directory`. The name is not checked. */
export function childPath(directory: SystemPath, name: Name): SystemPath {
  if (typeof directory === 'string') return systemPath(`${directory}/${name}`)
  return Buffer.concat([directory, Buffer.from('/'), nameToBytes(name)])
}

/** A path for a message. */
export function displayPath(path: SystemPath): string {
  return displayName(typeof path === 'string' ? path : nameFromBytes(path))
}

/**
 * The names in `directory`, in no particular order, without `.` and `..`.
 *
 * Node reads names as UTF-8 and puts U+FFFD for what is none. That is quicker by far than asking for bytes,
 * so bytes are asked for only where U+FFFD is seen (which a name may also hold by right).
 */
export function readNames(directory: SystemPath): Name[] {
  const path = systemPath(directory)
  try {
    const names = readdirSync(path)
    if (!names.some((name) => name.includes('\ufffd'))) return names
    return readdirSync(path, { encoding: 'buffer' }).map((bytes) => nameFromBytes(bytes))
  } catch (error) {
    throw fromSystem(error, `read directory ${displayPath(path)}`)
  }
}

/** What the symbolic link `path` holds: any bytes but NUL, so a {@link Name} too. */
export function readTarget(path: SystemPath): Name {
  try {
    return nameFromBytes(readlinkSync(systemPath(path), { encoding: 'buffer' }))
  } catch (error) {
    throw fromSystem(error, `read link ${displayPath(path)}`)
  }
}
