import { nameFromBytes, nameToBytes, type Name } from '../bytes/name.ts'
import { corrupt } from '../errors.ts'

/** What an event's entry is, so that a mirror need not believe its transport. */
export type Detail = FileDetail | DirectoryDetail | LinkDetail

export interface FileDetail {
  readonly kind: 'file'
  /** Permission bits, set-uid, set-gid and sticky with them: 12 bits. */
  readonly mode: number
  readonly mtimeNs: bigint
  readonly size: number
  /** SHA-256 of the content in base64url, 43 characters. */
  readonly hash: string
}

export interface DirectoryDetail {
  readonly kind: 'directory'
  readonly mode: number
  readonly mtimeNs: bigint
}

export interface LinkDetail {
  readonly kind: 'symlink'
  readonly target: Name
}

const file = /^f ([0-7]{1,4}) (-?[0-9]{1,12})\.([0-9]{9}) ([0-9]{1,16}) ([A-Za-z0-9_-]{43})$/
const directory = /^d ([0-7]{1,4}) (-?[0-9]{1,12})\.([0-9]{9})$/
const link = /^l ((?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+)$/

/** Throws `corrupt` for what is none. */
export function parseDetail(text: string): Detail {
  const ofFile = file.exec(text)
  if (ofFile !== null) {
    const size = Number(ofFile[4])
    if (Number.isSafeInteger(size)) {
      return { kind: 'file', ...modeAndTime(ofFile), size, hash: ofFile[5]! }
    }
  }
  const ofDirectory = directory.exec(text)
  if (ofDirectory !== null) return { kind: 'directory', ...modeAndTime(ofDirectory) }
  const ofLink = link.exec(text)
  if (ofLink !== null) return { kind: 'symlink', target: decodeTarget(ofLink[1]!) }
  throw corrupt('detail of an event', `"${text.slice(0, 100)}" is none`)
}

function modeAndTime(match: RegExpExecArray): { mode: number; mtimeNs: bigint } {
  // The seconds are rounded down, so that the nanoseconds always count upwards.
  return { mode: Number.parseInt(match[1]!, 8), mtimeNs: BigInt(match[2]!) * second + BigInt(match[3]!) }
}

const second = 1_000_000_000n

export function printDetail(detail: Detail): string {
  if (detail.kind === 'symlink') return `l ${encodeTarget(detail.target)}`
  const { mode, mtimeNs } = detail
  const nanoseconds = ((mtimeNs % second) + second) % second
  const time = `${(mtimeNs - nanoseconds) / second}.${nanoseconds.toString().padStart(9, '0')}`
  if (detail.kind === 'directory') return `d ${mode.toString(8)} ${time}`
  return `f ${mode.toString(8)} ${time} ${detail.size} ${detail.hash}`
}

function encodeTarget(target: Name): string {
  let text = ''
  for (const byte of nameToBytes(target)) {
    const character = String.fromCharCode(byte)
    if (byte < 0x80 && /[A-Za-z0-9._~/-]/.test(character)) text += character
    else text += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

function decodeTarget(text: string): Name {
  const bytes: number[] = []
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '%') {
      bytes.push(Number.parseInt(text.slice(at + 1, at + 3), 16))
      at += 2
    } else bytes.push(text.charCodeAt(at))
  }
  const target = nameFromBytes(Uint8Array.from(bytes))
  if (target.includes('\0')) throw corrupt('detail of an event', 'a link to a name with a NUL')
  return target
}
