import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { corrupt } from '../../errors.ts'
import { fingerprintOf, newIdentity, type Identity } from './certificate.ts'
import { checkPrivate, readPrivate, writePrivate } from './private-file.ts'

const fileName = 'identity.pem'
const maxSize = 65_536

/** Where a user's own key and the peers that are known are kept: of the environment's variables what is set first. */
export function stateDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const { TIDEMARK_HOME, XDG_STATE_HOME, HOME = '/' } = environment
  if (TIDEMARK_HOME !== undefined && TIDEMARK_HOME !== '') return TIDEMARK_HOME
  // The specification has relative paths ignored.
  if (XDG_STATE_HOME?.startsWith('/')) return join(XDG_STATE_HOME, 'tidemark')
  return join(HOME, '.local/state/tidemark')
}

/** This user's key and certificate on this machine, made at the first call. Throws `denied` when others can read them. */
export async function loadIdentity(directory: string): Promise<Identity> {
  const path = join(directory, fileName)
  const found = readPrivate(path, maxSize)
  if (found !== undefined) {
    checkPrivate(path)
    return parse(found, path)
  }
  const made = newIdentity()
  if (await writePrivate(path, made.key + made.certificate, true)) return made
  // Somebody else has made one at the same time.
  return parse(readPrivate(path, maxSize) ?? '', path)
}

function parse(text: string, path: string): Identity {
  const pattern = /-----BEGIN (PRIVATE KEY|CERTIFICATE)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n/g
  const parts = new Map([...text.matchAll(pattern)].map(([whole, kind]) => [kind, whole]))
  const key = parts.get('PRIVATE KEY')
  const certificate = parts.get('CERTIFICATE')
  if (key === undefined || certificate === undefined) throw corrupt(path, 'no key with its certificate')
  try {
    const parsed = new X509Certificate(certificate)
    if (!parsed.checkPrivateKey(createPrivateKey(key)))
      throw corrupt(path, 'the key is not that of the certificate')
    return { key, certificate, fingerprint: fingerprintOf(parsed.raw) }
  } catch (error) {
    throw corrupt(path, error instanceof Error ? error.message : String(error))
  }
}
