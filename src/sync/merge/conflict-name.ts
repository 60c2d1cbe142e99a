import { isAscii, nameToBytes, unseen, type Name } from '../../bytes/name.ts'

/** In bytes: of a name, as most file systems have it; of the host in it; of what still counts as an extension. */
const maxLength = 255
const maxHost = 32
const maxExtension = 32

/** What cannot stand in a name, here or on other systems, or is not seen. */
const unsafe = new RegExp(String.raw`[\/\\:*?"<>\|\(\)${unseen}]`, 'gv')

/** Every name of a copy has this in it. */
export const copyMark = ' (conflict '

/** The parts of the names that a conflict copy may have. */
export interface ConflictName {
  /** Every such name begins with this, whatever the host and the number. */
  readonly prefix: Name
  /** The name with a number, which is not said when it is 1. */
  readonly numbered: (count: number) => Name
}

/**
 * How the copy of `name` is called that lost a conflict: `report (conflict 2026-11-21 20-15-03 laptop).txt`, with its
 * own mtime in UTC. The stem is cut, between characters, where the name would be too long.
 */
export function conflictName(name: Name, mtimeNs: bigint, host: string): ConflictName {
  const [stem, extension] = splitExtension(name)
  const about = copyMark + timeOf(mtimeNs)
  const from = safeHost(host)
  const numbered = (count: number): Name => {
    const end = `${about}${from && ` ${from}`}${count === 1 ? '' : ` ${count}`})${extension}`
    return cutTo(stem, maxLength - byteLength(end)) + end
  }
  // With a number of any length, and the longest host, the stem may be shorter than in this prefix.
  const whole = numbered(1)
  return { prefix: whole.slice(0, whole.lastIndexOf(about) + about.length), numbered }
}

/** At the last dot, unless it is the first character or what is behind it is no extension. */
function splitExtension(name: Name): [stem: Name, extension: Name] {
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 ? name.slice(dot) : ''
  const isExtension = byteLength(extension) <= maxExtension && !extension.includes(' ')
  return isExtension && extension.length > 1 ? [name.slice(0, dot), extension] : [name, '']
}

/** `2026-11-21 20-15-03`, in UTC. */
function timeOf(mtimeNs: bigint): string {
  const time = new Date(Number(mtimeNs / 1_000_000_000n - (mtimeNs % 1_000_000_000n < 0n ? 1n : 0n)) * 1000)
  return time.toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '-')
}

function safeHost(host: string): string {
  return cutTo(host.replace(unsafe, '-'), maxHost).trim()
}

/** As many whole characters of the beginning as have at most `length` bytes. */
function cutTo(text: Name, length: number): Name {
  if (isAscii(text)) return text.slice(0, length)
  let [at, bytes] = [0, 0]
  for (const character of text) {
    bytes += byteLength(character)
    if (bytes > length) break
    at += character.length
  }
  return text.slice(0, at)
}

function byteLength(text: Name): number {
  return isAscii(text) ? text.length : nameToBytes(text).length
}
