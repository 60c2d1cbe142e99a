import { nameFromBytes, nameToBytes } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { isTidemarkError, TidemarkError, type ErrorCode } from '../../errors.ts'
import { maxErrorText } from './limits.ts'

/** The codes that are spoken. One that is not listed is taken for `failed`: later versions may have more. */
const codes: ReadonlySet<string> = new Set<ErrorCode>([
  'usage',
  'missing',
  'exists',
  'corrupt',
  'unsupported',
  'conflict',
  'busy',
  'denied',
  'full',
  'timeout',
  'unavailable',
  'limit',
  'cancelled',
  'failed',
])

/** An error on its way: its code and what it says, cut to what the wire bears. Anything thrown can be sent. */
export function encodeFailure(error: unknown): Uint8Array<ArrayBuffer> {
  const code = isTidemarkError(error) ? error.code : 'failed'
  const text = error instanceof Error ? error.message : String(error)
  let bytes = nameToBytes(text.slice(0, maxErrorText))
  // A character that is cut in two would come back as two halves.
  if (bytes.length > maxErrorText) bytes = nameToBytes(text.slice(0, maxErrorText / 4))
  return new Writer(64).prefixed(nameToBytes(code)).prefixed(bytes).finish()
}

/** Throws `corrupt`. `where` is put before what the other side said. */
export function decodeFailure(payload: Uint8Array, where: string): TidemarkError {
  const reader = new Reader(payload, 'error on the wire')
  const code = nameFromBytes(reader.prefixed(32))
  const text = nameFromBytes(reader.prefixed(maxErrorText))
  reader.end()
  return new TidemarkError(codes.has(code) ? (code as ErrorCode) : 'failed', `${where}: ${text}`)
}
