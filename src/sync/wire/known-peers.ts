import { join } from 'node:path'
import { corrupt, TidemarkError } from '../../errors.ts'
import { readPrivate, writePrivate } from './private-file.ts'
import type { Access } from './service.ts'

/** Another machine whose certificate has been compared, and what it may do here. */
export interface KnownPeer {
  readonly name: string
  /** SHA-256 of its certificate, 64 hexadecimal digits. */
  readonly fingerprint: string
  /** Where it has been reached: `host:port`. The last one that worked comes first. */
  readonly addresses: readonly string[]
  /** The folders that it may ask for, by the name they are asked for. */
  readonly folders: readonly AllowedFolder[]
}

export interface AllowedFolder {
  readonly name: string
  readonly access: Access
}

const fileName = 'peers.json'
const maxSize = 4 * 1024 * 1024
const maxText = 1024
const maxList = 10_000

/** The peers that this user knows, by name. Throws `corrupt` for a file that is not one of ours. */
export function readKnownPeers(directory: string): KnownPeer[] {
  const path = join(directory, fileName)
  const text = readPrivate(path, maxSize)
  return text === undefined ? [] : decode(text, path)
}

/** Writes them anew: whole and durable, or not at all. Throws `usage` for two of one name or fingerprint. */
export async function writeKnownPeers(directory: string, peers: readonly KnownPeer[]): Promise<void> {
  for (const key of ['name', 'fingerprint'] as const) {
    const seen = new Set<string>()
    for (const peer of peers) {
      if (seen.has(peer[key]))
        throw new TidemarkError('usage', `two known peers have the ${key} ${peer[key]}`)
      seen.add(peer[key])
    }
  }
  const sorted = peers.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const text = `${JSON.stringify({ version: 1, peers: sorted }, undefined, 2)}\n`
  // What could not be read back must not be written.
  decode(text, fileName)
  await writePrivate(join(directory, fileName), text)
}

/** The known peer with this certificate. */
export function peerByFingerprint(peers: readonly KnownPeer[], fingerprint: string): KnownPeer | undefined {
  return peers.find((peer) => peer.fingerprint === fingerprint)
}

function decode(text: string, path: string): KnownPeer[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new TidemarkError('corrupt', `${path}: not a JSON document`, { cause: error })
  }
  const { version, peers } = fieldsOf(value)
  if (typeof version === 'number' && version > 1) {
    throw new TidemarkError('unsupported', `${path}: made by a newer Tidemark: update this one`)
  }
  if (version !== 1) throw corrupt(path, 'not a list of known peers')
  return listOf(peers, path).map((peer) => {
    const { name, fingerprint, addresses, folders } = fieldsOf(peer)
    const print = textOf(fingerprint, path)
    if (!/^[0-9a-f]{64}$/.test(print)) throw corrupt(path, 'a bad fingerprint')
    return {
      name: textOf(name, path),
      fingerprint: print,
      addresses: listOf(addresses, path).map((address) => textOf(address, path)),
      folders: listOf(folders, path).map((folder) => folderOf(folder, path)),
    }
  })
}

function folderOf(value: unknown, path: string): AllowedFolder {
  const { name, access } = fieldsOf(value)
  if (access !== 'read' && access !== 'read-write') throw corrupt(path, 'a folder with a bad access')
  return { name: textOf(name, path), access }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function listOf(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value) || value.length > maxList) throw corrupt(path, 'a bad list')
  return value
}

function textOf(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '' || value.length > maxText) throw corrupt(path, 'a bad text')
  return value
}
