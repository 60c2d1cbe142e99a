import { fromHex, toHex } from '../bytes/hex.ts'
import { corrupt, TidemarkError } from '../errors.ts'
import { signBytes, verifyBytes, type SigningKey } from '../hash/ed25519.ts'
import { isEpoch, type Epoch } from './epoch.ts'

/**
 * The head: one small file beside the index files that says what they are at one moment, numbered and
 * signed. Old mirrors never ask for it. See docs/format/recent.md.
 */
export interface Head {
  /** Grows with each head of a tree, and never goes back. */
  readonly sequence: number
  readonly written: Epoch
  /** The principal first, then by growing interval. */
  readonly indexes: readonly IndexDigest[]
  /** How many items the tree has, and the sum of their digests in hexadecimal (the root of a sketch). */
  readonly tree?: { readonly count: number; readonly root: string } | undefined
  readonly sketch?: SketchReference | undefined
  /** The public key of the signature, in base64url. */
  readonly key?: string | undefined
  readonly signature?: string | undefined
}

export interface IndexDigest {
  readonly name: string
  readonly size: number
  /** In hexadecimal. */
  readonly sha256: string
}

export interface SketchReference {
  readonly name: string
  /** That of the head whose tree it is a sketch of. */
  readonly sequence: number
  readonly cells: number
  readonly sha256: string
}

/** What was read: the head, and the text that its signature is over. */
export interface SignedHead extends Head {
  readonly signedText: string
}

const format = 'tidemark-head-1'
export const longestHead = 65536
const mostIndexes = 64
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** The bytes of a head, signed when there is a key (a key or signature in `head` itself does not count). */
export function encodeHead(head: Omit<Head, 'key' | 'signature'>, key?: SigningKey): Uint8Array {
  const { sequence, written, indexes, tree, sketch } = head
  const body = {
    format,
    sequence,
    written,
    indexes: indexes.map(({ name, size, sha256 }) => [name, size, printDigest(sha256)]),
    ...(tree && { tree: [tree.count, printDigest(tree.root)] }),
    ...(sketch && { sketch: [sketch.name, sketch.sequence, sketch.cells, printDigest(sketch.sha256)] }),
    ...(key && { key: toBase64Url(key.publicKey) }),
  }
  if (key === undefined) return encoder.encode(`${JSON.stringify(body)}\n`)
  const signature = toBase64Url(signBytes(key, encoder.encode(JSON.stringify(body))))
  return encoder.encode(`${JSON.stringify({ ...body, signature })}\n`)
}

/** Reads a head. Throws `corrupt`, or `unsupported` for another version. The signature is not checked. */
export function parseHead(bytes: Uint8Array): SignedHead {
  if (bytes.length > longestHead) throw fail(`it is longer than ${longestHead} bytes`)
  const document = record(parseJson(bytes))
  if (document?.['format'] !== format) {
    if (typeof document?.['format'] === 'string')
      throw new TidemarkError('unsupported', `head: format ${document['format'].slice(0, 40)} is not known`)
    throw fail('it has no format')
  }
  const { signature, ...signed } = document
  const { sequence, written, indexes, tree, sketch, key } = signed
  if (!isCount(sequence)) throw fail('its sequence is no number')
  if (typeof written !== 'string' || !isEpoch(written)) throw fail('its time of writing is no epoch')
  if (!Array.isArray(indexes) || indexes.length === 0 || indexes.length > mostIndexes)
    throw fail(`it must name 1 to ${mostIndexes} index files`)
  return {
    sequence,
    written,
    indexes: indexes.map((index) => readIndex(index)),
    tree: tree === undefined ? undefined : readTree(tree),
    sketch: sketch === undefined ? undefined : readSketch(sketch),
    key: key === undefined ? undefined : base64UrlText(key, 'key'),
    signature: signature === undefined ? undefined : base64UrlText(signature, 'signature'),
    signedText: JSON.stringify(signed),
  }
}

/** True when the head is signed by the key it names. Whether that is the right key is another question. */
export function isSignedHead(head: SignedHead): boolean {
  if (head.key === undefined || head.signature === undefined) return false
  return verifyBytes(fromBase64Url(head.key), encoder.encode(head.signedText), fromBase64Url(head.signature))
}

export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

/** Throws `corrupt` for what is no base64url. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw corrupt('base64url', 'a wrong character')
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch (error) {
    throw new TidemarkError('corrupt', 'head: it is no JSON', { cause: error })
  }
}

function record(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return { ...value }
}

function readIndex(value: unknown): IndexDigest {
  const [name, size, sha256] = list(value, 3)
  if (!isPlainName(name)) throw fail('an index file has no proper name')
  if (!isCount(size)) throw fail(`${name} has no size`)
  return { name, size, sha256: readDigest(sha256) }
}

function readTree(value: unknown): { count: number; root: string } {
  const [count, root] = list(value, 2)
  if (!isCount(count)) throw fail('its tree has no count')
  return { count, root: readDigest(root) }
}

function readSketch(value: unknown): SketchReference {
  const [name, sequence, cells, sha256] = list(value, 4)
  if (!isPlainName(name) || !isCount(sequence) || !isCount(cells)) throw fail('its sketch is no reference')
  return { name, sequence, cells, sha256: readDigest(sha256) }
}

function list(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw fail(`a list of ${length} is something else`)
  return value
}

/** A file beside the head: nothing that could lead elsewhere. */
function isPlainName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}$/.test(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** In the file digests are base64url, two thirds of what hexadecimal takes: a mirror reads them at each change. */
function printDigest(hex: string): string {
  return toBase64Url(fromHex(hex)!)
}

function readDigest(value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(value)) throw fail('a digest is none')
  return toHex(fromBase64Url(value))
}

function base64UrlText(value: unknown, what: string): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]{1,128}$/.test(value) || value.length % 4 === 1)
    throw fail(`its ${what} is no base64url`)
  return value
}

function fail(problem: string): TidemarkError {
  return corrupt('head', problem)
}
