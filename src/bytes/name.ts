import { compareBytes } from './compare.ts'

/**
 * Names of files are bytes; JavaScript has strings. A `Name` is a string from which the bytes can be had
 * back exactly: valid UTF-8 decodes as usual, and each byte that is no part of valid UTF-8 becomes the lone
 * surrogate U+DC00 + byte (Python's "surrogateescape", PEP 383). Valid UTF-8 never yields a lone surrogate,
 * so the mapping is one to one.
 */
export type Name = string

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

export function nameFromBytes(bytes: Uint8Array): Name {
  return nameInBytes(bytes, 0, bytes.length)
}

/** The name in `bytes` from `start` to `end`. */
export function nameInBytes(bytes: Uint8Array, start: number, end: number): Name {
  const length = end - start
  const short = length < shortNames.length ? (shortNames[length] ??= zeros(length)) : undefined
  // Calling the decoder, or making a view, costs more than most names are long.
  if (short !== undefined && copyAscii(bytes, start, short)) return String.fromCharCode.apply(null, short)
  const name = bytes.subarray(start, end)
  try {
    return strict.decode(name)
  } catch {
    return escapeInvalid(name)
  }
}

/** Room for the characters of a name, by its length: made when it is needed, as all of it takes half a millisecond. */
const shortNames: (number[] | undefined)[] = Array.from({ length: 64 })

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0)
}

/** Copies bytes until `into` is full; false when one is not ASCII. */
function copyAscii(bytes: Uint8Array, start: number, into: number[]): boolean {
  for (let i = 0; i < into.length; i++) {
    const byte = bytes[start + i]!
    if (byte >= 0x80) return false
    into[i] = byte
  }
  return true
}

function escapeInvalid(bytes: Uint8Array): Name {
  let name = ''
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at)
    if (length > 0) name += strict.decode(bytes.subarray(at, at + length))
    else name += String.fromCharCode(0xdc00 + bytes[at]!)
    at += Math.max(length, 1)
  }
  return name
}

/** How many bytes the valid UTF-8 sequence at `at` has; 0 when there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  if (length < 2) return length
  try {
    strict.decode(bytes.subarray(at, at + length))
    return at + length <= bytes.length ? length : 0
  } catch {
    return 0
  }
}

/** True when the characters of a name are its bytes. */
export function isAscii(name: Name): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) >= 0x80) return false
  return true
}

export function nameToBytes(name: Name): Uint8Array<ArrayBuffer> {
  if (name.isWellFormed()) return encoder.encode(name)
  const bytes: number[] = []
  for (const character of name) {
    const code = character.charCodeAt(0)
    if (character.length === 1 && code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00)
    else bytes.push(...encoder.encode(character))
  }
  return Uint8Array.from(bytes)
}

/**
 * Orders names as their bytes would be. The order of UTF-16 code units is the same but for characters from
 * U+D800 on (surrogates, which stand for the highest code points, and those above them).
 */
export function compareNames(a: Name, b: Name): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (left === right) continue
    if (left >= 0xd800 || right >= 0xd800) return compareBytes(nameToBytes(a), nameToBytes(b))
    return left - right
  }
  return a.length - b.length
}

const beyondPlain = /[\ud800-\uffff]/

/** Sorts in place, in the order of {@link compareNames}. */
export function sortNames(names: Name[]): void {
  // Without a comparing function sort is much quicker, and nearly always right.
  if (names.some((name) => beyondPlain.test(name))) names.sort(compareNames)
  else names.sort()
}

/**
 * Characters that are not seen, or that change how others are: controls, directions of writing, marks without a width,
 * separators of lines, halves of surrogate pairs. Not the variation selectors, which only choose a form of what is
 * seen. A set of characters, for use inside `[…]` with the flag `v`.
 */
export const unseen: string = String.raw`\p{Cc}\p{Surrogate}\u2028\u2029\ufff9-\ufffb[\p{DI}--\p{VS}]`

const plain = /^[ -[\]-~]*$/
/** Not made before it is needed: that takes longer than to start. */
let escaped: RegExp | undefined

/** For a person: what is not seen, invalid bytes and backslashes are shown as escapes. One to one. */
export function displayName(name: Name): string {
  if (plain.test(name)) return name
  escaped ??= new RegExp(String.raw`[${unseen}\\]`, 'gv')
  return name.replace(escaped, (character) => {
    const code = character.codePointAt(0)!
    if (character === '\\') return '\\\\'
    if (character === '\n') return '\\n'
    if (character === '\t') return '\\t'
    // A byte that is not UTF-8 is a half of a surrogate pair.
    if (code < 0x80 || (code & 0xff80) === 0xdc80) return `\\x${(code & 0xff).toString(16).padStart(2, '0')}`
    return `\\u{${code.toString(16)}}`
  })
}
