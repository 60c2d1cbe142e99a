import { corrupt } from '../errors.ts'

/**
 * The length in bytes of the Zstandard frame that `bytes` begins with (RFC 8878, section 3.1.1), found from its
 * headers alone; undefined when `bytes` ends before the frame does.
 */
export function zstdFrameLength(bytes: Uint8Array, what: string): number | undefined {
  if (bytes.length < 6) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== 0xfd2fb528) throw corrupt(what, 'not a Zstandard frame')
  const descriptor = bytes[4]!
  const singleSegment = (descriptor & 0x20) !== 0
  const windowBytes = singleSegment ? 0 : 1
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const checksumBytes = (descriptor & 4) === 0 ? 0 : 4
  for (let at = 5 + windowBytes + dictionaryBytes + sizeBytes; ;) {
    if (at + 3 > bytes.length) return undefined
    const header = view.getUint16(at, true) | (bytes[at + 2]! << 16)
    const kind = (header >> 1) & 3
    if (kind === 3) throw corrupt(what, 'a Zstandard block of an unknown kind')
    // A block of kind 1 is one byte, repeated as often as its size says.
    at += 3 + (kind === 1 ? 1 : header >> 3)
    if ((header & 1) === 1) {
      const end = at + checksumBytes
      return end <= bytes.length ? end : undefined
    }
  }
}
