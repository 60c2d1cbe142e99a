const block = new Int32Array(80)
const tail = new Uint8Array(128)

/** SHA-1 in plain TypeScript (FIPS 180-4): what mathsync names items by. Not to be relied on against forgers. */
export function sha1(bytes: Uint8Array): Uint8Array {
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0)
  const whole = bytes.length - (bytes.length % 64)
  for (let at = 0; at < whole; at += 64) compress(state, bytes, at)
  const rest = bytes.length - whole
  const padded = rest < 56 ? 64 : 128
  tail.fill(0, 0, padded)
  tail.set(bytes.subarray(whole))
  tail[rest] = 0x80
  const view = new DataView(tail.buffer)
  view.setUint32(padded - 8, Math.floor(bytes.length / 2 ** 29))
  view.setUint32(padded - 4, (bytes.length * 8) >>> 0)
  for (let at = 0; at < padded; at += 64) compress(state, tail, at)
  const digest = new Uint8Array(20)
  const out = new DataView(digest.buffer)
  state.forEach((word, at) => out.setInt32(4 * at, word))
  return digest
}

function compress(state: Int32Array, bytes: Uint8Array, at: number): void {
  const w = block
  for (let i = 0, from = at; i < 16; i++, from += 4) {
    w[i] = (bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!
  }
  for (let i = 16; i < 80; i++) {
    const x = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!
    w[i] = (x << 1) | (x >>> 31)
  }
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  for (let i = 0; i < 80; i++) {
    const mixed =
      i < 20
        ? ((b & c) | (~b & d)) + 0x5a827999
        : i < 40
          ? (b ^ c ^ d) + 0x6ed9eba1
          : i < 60
            ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
            : (b ^ c ^ d) + 0xca62c1d6
    const next = (((a << 5) | (a >>> 27)) + mixed + e + w[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  state[0] = state[0]! + a
  state[1] = state[1]! + b
  state[2] = state[2]! + c
  state[3] = state[3]! + d
  state[4] = state[4]! + e
}
