import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { TidemarkError } from '../errors.ts'

/** Ed25519 (RFC 8032) with keys as 32 raw bytes, as they are written in files. */
export interface SigningKey {
  /** The secret: the seed of RFC 8032. */
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
}

const rawLength = 32
/** PKCS #8 of an Ed25519 key up to its seed. */
const pkcs8Prefix = Uint8Array.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32])
/** SubjectPublicKeyInfo up to the key. */
const spkiPrefix = Uint8Array.from([48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0])

export function newSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  const encoded = privateKey.export({ format: 'der', type: 'pkcs8' })
  return signingKey(new Uint8Array(encoded.subarray(encoded.length - rawLength)))
}

/** The key of a seed. Throws `usage` unless it has 32 bytes. */
export function signingKey(seed: Uint8Array): SigningKey {
  if (seed.length !== rawLength) {
    throw new TidemarkError('usage', `an Ed25519 key has 32 bytes, not ${seed.length}`)
  }
  const encoded = createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' })
  return { seed, publicKey: new Uint8Array(encoded.subarray(encoded.length - rawLength)) }
}

export function signBytes(key: SigningKey, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, bytes, privateKeyOf(key.seed)))
}

/** False for anything that is no signature of `bytes` by the key, be it malformed or wrong. */
export function verifyBytes(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== rawLength || signature.length !== 2 * rawLength) return false
  try {
    const key = Buffer.concat([spkiPrefix, publicKey])
    return verify(null, bytes, createPublicKey({ key, format: 'der', type: 'spki' }), signature)
  } catch {
    return false
  }
}

function privateKeyOf(seed: Uint8Array): ReturnType<typeof createPrivateKey> {
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' })
}
