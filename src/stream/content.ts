import { TidemarkError } from '../errors.ts'
import { contentLimit } from './lines.ts'

/** What can be recorded: text (kept as UTF-8), bytes, or either in pieces. */
export type Content = string | Uint8Array | AsyncIterable<string | Uint8Array>

/** Fetches what is to be recorded. A string is never taken for one: only a function is. */
export type Producer = () => Content | Promise<Content>

/** The bytes of `source`, in memory of their own. Rejects `limit` beyond {@link contentLimit}. */
export async function readContent(source: Content | Producer): Promise<Buffer> {
  const content = typeof source === 'function' ? await source() : source
  if (typeof content === 'string') return within(Buffer.from(content))
  // A copy: the caller's bytes may change, and the next version is compared with these.
  if (content instanceof Uint8Array) return Buffer.from(within(content))
  if (!isPieces(content))
    throw new TidemarkError('usage', 'only text, bytes, or a stream of them can be recorded')
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of content) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece)
    length += bytes.length
    if (length > contentLimit) throw tooLong(length)
    pieces.push(bytes)
  }
  return Buffer.concat(pieces)
}

function isPieces(content: unknown): content is AsyncIterable<string | Uint8Array> {
  return typeof content === 'object' && content !== null && Symbol.asyncIterator in content
}

function within<T extends Uint8Array>(bytes: T): T {
  if (bytes.length > contentLimit) throw tooLong(bytes.length)
  return bytes
}

function tooLong(length: number): TidemarkError {
  return new TidemarkError('limit', `a content of ${length} bytes is beyond the limit of ${contentLimit}`)
}
