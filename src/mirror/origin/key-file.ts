import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { corrupt, fromSystem, systemCode } from '../../errors.ts'
import { newSigningKey, signingKey, type SigningKey } from '../../hash/ed25519.ts'
import { fromBase64Url, ownDirectory, toBase64Url } from '../../recent/index.ts'
import { writeFully } from '../../store/durable.ts'

/** The key that heads of the tree at `root` are signed with, made on first use; only its owner may read it. */
export function openKey(root: string): SigningKey {
  const path = join(root, ownDirectory, 'origin.key')
  return readKey(path) ?? makeKey(path)
}

function readKey(path: string): SigningKey | undefined {
  try {
    const seed = fromBase64Url(readFileSync(path, 'latin1').trim())
    if (seed.length !== 32) throw corrupt(path, 'it is no key')
    return signingKey(seed)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fromSystem(error, `read ${path}`)
  }
}

function makeKey(path: string): SigningKey {
  const key = newSigningKey()
  const unfinished = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { recursive: true })
    const file = openSync(unfinished, 'w', 0o600)
    try {
      writeFully(file, new TextEncoder().encode(`${toBase64Url(key.seed)}\n`))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    // Fails when another process was quicker: then its key counts.
    linkSync(unfinished, path)
    return key
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return readKey(path)!
    throw fromSystem(error, `make ${path}`)
  } finally {
    rmSync(unfinished, { force: true })
  }
}
