const littleEndianHost = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/**
 * `bytes` as little-endian 32-bit words. A view where the host and the alignment allow it, otherwise a copy:
 * read it, never write to it. The length must be a multiple of four.
 */
export function wordsOf(bytes: Uint8Array): Int32Array {
  if (littleEndianHost && bytes.byteOffset % 4 === 0) {
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Int32Array.from({ length: bytes.length / 4 }, (_, at) => view.getInt32(4 * at, true))
}

/** Writes `words` as little-endian bytes to `out` at byte `at`. */
export function putWords(words: Int32Array, out: Uint8Array, at: number): void {
  if (littleEndianHost) {
    out.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), at)
    return
  }
  const view = new DataView(out.buffer, out.byteOffset, out.length)
  for (let i = 0; i < words.length; i++) view.setInt32(at + 4 * i, words[i]!, true)
}
