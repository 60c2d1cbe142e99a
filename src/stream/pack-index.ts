import { corrupt } from '../errors.ts'
import { isVersionName, compareVersions, type VersionName } from './version-name.ts'

/** What a pack says of one of its versions. */
export interface PackedVersion {
  readonly name: VersionName
  /** SHA-256 of the content, in hexadecimal. */
  readonly hash: string
  readonly contentBytes: number
  /** The length of the version's diff in the pack. */
  readonly diffBytes: number
}

const title = 'tidemark stream pack 1'
/** A pack holds far fewer versions; a longer index is not ours. */
const mostVersions = 100_000

/** The index as text: a title, then a line for each version, oldest first. */
export function formatPackIndex(versions: readonly PackedVersion[]): string {
  const lines = versions.map((v) => `${v.hash} ${v.contentBytes} ${v.diffBytes} ${v.name}\n`)
  return `${title}\n${lines.join('')}`
}

/** Rejects anything that {@link formatPackIndex} would not write, and versions that are out of order. */
export function parsePackIndex(text: string, what: string): PackedVersion[] {
  const lines = text.split('\n')
  if (lines[0] !== title) {
    const newer = lines[0]?.startsWith('tidemark stream pack ') === true
    throw corrupt(what, newer ? `written by a newer program ("${lines[0]}")` : 'not an index of a pack')
  }
  if (lines.length < 3 || lines.at(-1) !== '' || lines.length > mostVersions) {
    throw corrupt(what, 'an index of the wrong length')
  }
  const versions = lines.slice(1, -1).map((line) => {
    const match = /^([0-9a-f]{64}) (\d{1,10}) (\d{1,10}) (\S+)$/.exec(line)
    if (match === null || !isVersionName(match[4]!)) throw corrupt(what, 'a line that names no version')
    return { hash: match[1]!, contentBytes: Number(match[2]), diffBytes: Number(match[3]), name: match[4]! }
  })
  for (let i = 1; i < versions.length; i++) {
    if (compareVersions(versions[i - 1]!.name, versions[i]!.name) >= 0) {
      throw corrupt(what, 'versions that are out of order')
    }
  }
  return versions
}
