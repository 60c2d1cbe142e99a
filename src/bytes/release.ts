/**
 * Gives back the memory of bytes that nobody uses any more, if it is all theirs. The collector counts such memory late: where
 * much passes through, hundreds of megabytes gather, and it runs for them in vain.
 */
export function release({ buffer, byteLength }: Uint8Array): void {
  const isAllTheirs = byteLength * 2 > buffer.byteLength && buffer.byteLength > smallest
  if (isAllTheirs && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** Smaller pieces may share memory with others. */
const smallest = 65_536
