import { nameFromBytes, nameToBytes, type Name } from '../bytes/name.ts'

/**
 * Scalars as YAML::Syck writes and reads them, which is YAML but for one thing: `\xHH` in double quotes is a
 * byte, as names are bytes. Bytes from 0x80 on stand for themselves in what we write, so that there is nothing
 * to disagree about.
 */

/** What readers of one kind or another take for something else than text, when it stands without quotes. */
const ambiguous =
  /^(?:|~|null|true|false|yes|no|on|off|y|n|inf|nan|<<|[-+]?(?:[0-9][0-9_,]*)?(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?|[-+]?0[xob][0-9a-f_]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[-+]?\.(?:inf|nan)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[t ].*)?)$/i
const smallWhole = /^-?(?:0|[1-9][0-9]{0,8})$/
/** Characters that mean something at the beginning, or in this company; controls; white space at an edge. Syck
 * reads `=` as text only without quotes. */
const special =
  // oxlint-disable-next-line no-control-regex
  /[\x00-\x1f\x7f]|^[?:,[\]{}#&*!|>'"%@`]|^ | $|^-(?: |$)|: |:$| #|^---|^\.\.\.|[\u0085\u2028\u2029\ufeff]/

/** Nearly all names: nothing to look at twice. */
const plain = /^[A-Za-z/_][A-Za-z0-9/_.~ +-]*[A-Za-z0-9/_~+]$/
const words = /^(?:null|true|false|yes|no|on|off|inf|nan|[yn])$/i

export function printScalar(text: Name): string {
  if (plain.test(text) && !words.test(text)) return text
  if (special.test(text)) return `"${text.replace(toEscape, escape)}"`
  return ambiguous.test(text) && !smallWhole.test(text) ? `'${text}'` : text
}

// oxlint-disable-next-line no-control-regex
const toEscape = /[\x00-\x1f\x7f"\\]/g
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
}

function escape(character: string): string {
  const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')
  return shortEscapes[character] ?? `\\x${code}`
}

/** The text of a scalar that stands on one line; undefined when it is not of a kind known here. */
export function readScalar(text: Name): Name | undefined {
  const first = text.charCodeAt(0)
  if (first === 0x27) return readSingle(text)
  if (first === 0x22) return readDouble(text)
  if (text === '~') return ''
  if (notPlain.test(text) || text.includes(' #') || text.includes(': ') || text.endsWith(':'))
    return undefined
  return text
}

const notPlain = /^(?:[[\]{}#&*!|>%@`]|[?:-](?: |$))/

function readSingle(text: Name): Name | undefined {
  const end = text.length - 1
  if (end < 1 || text.charCodeAt(end) !== 0x27) return undefined
  const inner = text.slice(1, end)
  if (!inner.includes("'")) return inner
  return /^(?:[^']|'')*$/.test(inner) ? inner.replaceAll("''", "'") : undefined
}

function readDouble(text: Name): Name | undefined {
  if (!/^"(?:[^"\\]|\\.)*"$/s.test(text)) return undefined
  const inner = text.slice(1, -1)
  if (!inner.includes('\\')) return inner
  let unknown = false
  // Escaped bytes may belong to one character, so all are put together as bytes first.
  const parts: Uint8Array[] = []
  let at = 0
  for (const match of inner.matchAll(/\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/gs)) {
    parts.push(nameToBytes(inner.slice(at, match.index)))
    at = match.index + match[0].length
    const [, byte, short, long, letter] = match
    if (byte !== undefined) parts.push(Uint8Array.of(Number.parseInt(byte, 16)))
    else if (letter === undefined) {
      const code = Number.parseInt(short ?? long ?? '', 16)
      if (code > 0x10ffff) return undefined
      parts.push(nameToBytes(String.fromCodePoint(code)))
    } else if (letters[letter] === undefined) unknown = true
    else parts.push(nameToBytes(letters[letter]))
  }
  if (unknown) return undefined
  parts.push(nameToBytes(inner.slice(at)))
  return nameFromBytes(joined(parts))
}

const letters: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  "'": "'",
  '/': '/',
  ' ': ' ',
  '\\': '\\',
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
