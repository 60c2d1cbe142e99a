/** A copy of `bytes` with some accident or malice done to it. `random` decides which (see `seededRandom`). */
export function mutate(bytes: Uint8Array, random: () => number): Uint8Array<ArrayBuffer> {
  let mutated = new Uint8Array(bytes)
  for (let times = 1 + below(3, random); times > 0; times--) mutated = mutateOnce(mutated, random)
  return mutated
}

/** Bytes that mean something in many formats: ends of ranges, long numbers, marks. */
const telling = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x2e, 0x2f, 0x20, 0x40, 0xc0]
const longNumbers = [
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x00],
  [0xff, 0xff, 0xff, 0xff],
  [0x80, 0x80, 0x04],
]

function mutateOnce(bytes: Uint8Array<ArrayBuffer>, random: () => number): Uint8Array<ArrayBuffer> {
  const at = below(bytes.length + 1, random)
  const end = Math.min(bytes.length, at + 1 + below(8, random))
  switch (below(8, random)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return replace(bytes, at, Math.min(at + 1, bytes.length), [(bytes[at] ?? 0) ^ (1 << below(8, random))])
    case 2:
      return replace(bytes, at, Math.min(at + 1, bytes.length), [telling[below(telling.length, random)]!])
    case 3:
      return replace(bytes, at, end, longNumbers[below(longNumbers.length, random)]!)
    case 4:
      return replace(bytes, at, end, [])
    case 5:
      return replace(bytes, at, at, bytes.subarray(at, end))
    case 6:
      return replace(bytes, at, at, [below(256, random)])
    default: {
      const from = below(bytes.length + 1, random)
      return replace(bytes, at, end, bytes.subarray(from, from + below(40, random)))
    }
  }
}

function replace(
  bytes: Uint8Array,
  start: number,
  end: number,
  by: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.length - (end - start) + by.length)
  result.set(bytes.subarray(0, start))
  result.set(by, start)
  result.set(bytes.subarray(end), start + by.length)
  return result
}

function below(limit: number, random: () => number): number {
  return Math.floor(random() * limit)
}
