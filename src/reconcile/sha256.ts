/** SHA-256 in plain TypeScript: synchronous in every runtime, where Web Crypto is not and `node:crypto` is absent. */

const rounds = new Int32Array(64)
const initial = new Int32Array(8)
deriveConstants()

/** The first 32 bits of the fractions of cube roots (rounds) and square roots (initial) of the first primes. */
function deriveConstants(): void {
  for (let prime = 2, found = 0; found < 64; prime++) {
    let isPrime = true
    for (let factor = 2; factor * factor <= prime; factor++) if (prime % factor === 0) isPrime = false
    if (!isPrime) continue
    rounds[found] = fraction(Math.cbrt(prime))
    if (found < 8) initial[found] = fraction(Math.sqrt(prime))
    found++
  }
}

/** The first 32 bits after the point. */
function fraction(x: number): number {
  return ((x - Math.floor(x)) * 2 ** 32) | 0
}

const schedule = new Int32Array(64)
const tail = new Uint8Array(128)
const tailView = new DataView(tail.buffer)

/** The 32-byte digest of `bytes`, written to `out` at `at` when given. */
export function sha256(bytes: Uint8Array, out: Uint8Array = new Uint8Array(32), at = 0): Uint8Array {
  const state = initial.slice()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const whole = bytes.length - (bytes.length % 64)
  for (let offset = 0; offset < whole; offset += 64) compress(state, view, offset)
  const rest = bytes.length - whole
  const padded = rest < 56 ? 64 : 128
  tail.fill(0, 0, padded)
  tail.set(bytes.subarray(whole))
  tail[rest] = 0x80
  tailView.setUint32(padded - 8, Math.floor(bytes.length / 2 ** 29))
  tailView.setUint32(padded - 4, (bytes.length * 8) >>> 0)
  for (let offset = 0; offset < padded; offset += 64) compress(state, tailView, offset)
  for (let i = 0; i < 8; i++) {
    const word = state[i]!
    out[at + 4 * i] = word >>> 24
    out[at + 4 * i + 1] = word >>> 16
    out[at + 4 * i + 2] = word >>> 8
    out[at + 4 * i + 3] = word
  }
  return out
}

/** One 64-byte block (FIPS 180-4, 6.2.2). */
function compress(state: Int32Array, view: DataView, offset: number): void {
  const w = schedule
  for (let i = 0; i < 16; i++) w[i] = view.getInt32(offset + 4 * i)
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!
    const y = w[i - 2]!
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0
  }
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let f = state[5]!
  let g = state[6]!
  let h = state[7]!
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i]! + w[i]!) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] = state[0]! + a
  state[1] = state[1]! + b
  state[2] = state[2]! + c
  state[3] = state[3]! + d
  state[4] = state[4]! + e
  state[5] = state[5]! + f
  state[6] = state[6]! + g
  state[7] = state[7]! + h
}
