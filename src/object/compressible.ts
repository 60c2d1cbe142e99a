/** Places that are looked at, and how many neighbouring bytes at each. */
const places = 256
const run = 4
const samples = places * run

/** Fewer bytes tell nothing, and compressing them costs nothing. */
const tooFew = 32

const counts = new Uint16Array(256)

/**
 * Whether compressing `bytes` is likely to gain anything. Random, encrypted and compressed data have their byte
 * values spread evenly, so that two bytes drawn from them are equal once in 256 times; the test draws up to 1024
 * bytes from all over the data and counts equal pairs. A part of the data that compresses well shows in it.
 *
 * Against zstd at level 1, over 15,000 pieces of real files of up to 64 KiB: of those that shrink by 5 % or more it
 * missed 0.4 % (0.1 % of the bytes to be saved), of the others it let 7 % through (2 % of their bytes). It does not see
 * repetition at a distance: random bytes said twice are taken for random. Costs 1 to 2 µs, whatever the length.
 */
export function looksCompressible(bytes: Uint8Array): boolean {
  const { length } = bytes
  if (length < tooFew) return true
  counts.fill(0)
  const drawn = Math.min(length, samples)
  // In random data the number is close to a normal variate, its variance equal to its mean.
  const mean = (drawn * (drawn - 1)) / 512
  const most = mean + 6 * Math.sqrt(mean)
  return length <= samples ? countAll(bytes) > most : isSpreadBeyond(most, bytes)
}

function countAll(bytes: Uint8Array): number {
  let equal = 0
  for (let at = 0; at < bytes.length; at++) equal += (counts[bytes[at] as number] as number)++
  return equal
}

/**
 * Whether there are more than `most` equal pairs, which in text shows after a quarter of the places. One run of neighbours
 * is drawn from each of `places` equal stretches, not at the same offset in each: formats have strides.
 */
function isSpreadBeyond(most: number, bytes: Uint8Array): boolean {
  const stretch = bytes.length / places
  const room = stretch - run
  let equal = 0
  let noise = 1
  for (let place = 0; place < places && equal <= most; place++) {
    noise = Math.imul(noise, 0x915f77f5) + 0x6d2b79f5
    const at = Math.floor(place * stretch + ((noise >>> 8) / 0x1000000) * room)
    equal += (counts[bytes[at] as number] as number)++
    equal += (counts[bytes[at + 1] as number] as number)++
    equal += (counts[bytes[at + 2] as number] as number)++
    equal += (counts[bytes[at + 3] as number] as number)++
  }
  return equal > most
}
