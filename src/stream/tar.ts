import { corrupt } from '../errors.ts'

/** The little of the tar format (POSIX ustar) that archives of states need: regular files with short names. */

export const tarBlock = 512

export interface TarMember {
  readonly name: string
  readonly content: Uint8Array
  /** Seconds since 1970. */
  readonly modified: number
}

/** The bytes of a member: its header, its content, and zeros up to a whole block. */
export function* tarMember(member: TarMember): Generator<Uint8Array> {
  const header = new Uint8Array(tarBlock)
  const put = (text: string, at: number): void => {
    for (let i = 0; i < text.length; i++) header[at + i] = text.charCodeAt(i)
  }
  if (member.name.length > 100) throw corrupt(member.name, 'a name too long for the archive')
  put(member.name, 0)
  put(octal(0o644, 7), 100)
  put(octal(0, 7), 108)
  put(octal(0, 7), 116)
  put(octal(member.content.length, 11), 124)
  put(octal(Math.max(0, Math.floor(member.modified)), 11), 136)
  put('        ', 148)
  put('0', 156)
  put('ustar\x0000', 257)
  let sum = 0
  for (const byte of header) sum += byte
  put(`${octal(sum, 6)}\0 `, 148)
  yield header
  yield member.content
  yield new Uint8Array(padding(member.content.length))
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** How many zeros follow a content of `length` bytes. */
export function padding(length: number): number {
  return (tarBlock - (length % tarBlock)) % tarBlock
}

/** What ends an archive. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * tarBlock)
}

/** The member whose header is at `at`: where its content lies, and where the next header does. */
export function readTarMember(
  bytes: Uint8Array,
  at: number,
  what: string,
): { name: string; start: number; end: number; next: number } {
  if (at + tarBlock > bytes.length) throw corrupt(what, `no tar header at byte ${at}`)
  const field = (from: number, length: number): string => {
    const text = Buffer.from(bytes.subarray(at + from, at + from + length)).toString('latin1')
    const stop = text.indexOf('\0')
    return stop < 0 ? text : text.slice(0, stop)
  }
  const size = /^ *([0-7]+) *$/.exec(field(124, 12))?.[1]
  if (field(257, 5) !== 'ustar' || size === undefined) throw corrupt(what, `no tar header at byte ${at}`)
  const start = at + tarBlock
  const end = start + Number.parseInt(size, 8)
  if (end > bytes.length) throw corrupt(what, `ends inside the member at byte ${at}`)
  return { name: field(0, 100), start, end, next: end + padding(end - start) }
}
