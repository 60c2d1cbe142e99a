import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A key and a certificate that it has signed for itself, both in PEM. */
export interface Identity {
  readonly key: string
  readonly certificate: string
  /** SHA-256 of the certificate, 64 hexadecimal digits: what others know this one by. */
  readonly fingerprint: string
}

/** DER (X.690): tag, length, contents. */
function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents)
  const { length } = body
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...head]), body])
}

const [integer, bitString, utf8String, sequence, set, generalizedTime] = [2, 3, 0x0c, 0x30, 0x31, 0x18]
/** id-Ed25519 (RFC 8410) and id-at-commonName. */
const ed25519 = der(sequence, Buffer.from([6, 3, 43, 101, 112]))
const commonName = Buffer.from([6, 3, 85, 4, 3])

/** Nobody looks at the time: what counts is whether the fingerprint is known. "99991231235959Z" is RFC 5280's "never". */
const validity = der(
  sequence,
  der(generalizedTime, Buffer.from('20000101000000Z')),
  der(generalizedTime, Buffer.from('99991231235959Z')),
)

/** Makes a new key with its certificate (X.509 v3, Ed25519, RFC 5280 and 8410). */
export function newIdentity(): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const serial = randomBytes(16)
  // Positive, and in its shortest form.
  serial[0] = (serial[0]! & 0x3f) | 0x40
  const name = der(sequence, der(set, der(sequence, commonName, der(utf8String, Buffer.from('tidemark')))))
  const body = der(
    sequence,
    der(0xa0, der(integer, Buffer.from([2]))),
    der(integer, serial),
    ed25519,
    name,
    validity,
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
  )
  const signature = der(bitString, Buffer.from([0]), sign(null, body, privateKey))
  const certificate = der(sequence, body, ed25519, signature)
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
    certificate: pemOf(certificate),
    fingerprint: fingerprintOf(certificate),
  }
}

function pemOf(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

export function fingerprintOf(certificate: Uint8Array): string {
  return createHash('sha256').update(certificate).digest('hex')
}
