import { join } from 'node:path'
import { displayName, type Name } from '../bytes/name.ts'
import { corrupt, isTidemarkError, TidemarkError } from '../errors.ts'
import { ownDirectory } from '../folder/own-directory.ts'
import { DirectoryBucket } from '../store/directory-bucket.ts'
import { parsePlace } from './place.ts'
import { modes, type Mode } from './mode.ts'

/** What a folder's `.tidemark/sync.json` says: with whom it is kept in step, and what of it is here. */
export interface SyncSettings {
  readonly peers: readonly KnownPeer[]
  /** Paths of the sub-trees that are here; undefined for all. */
  readonly selected: readonly Name[] | undefined
}

export interface KnownPeer {
  readonly name: string
  /** As `parsePlace` takes it; a directory as an absolute path. */
  readonly place: string
  readonly mode: Mode
  /** It may not change anything here. */
  readonly readOnly: boolean
  /** Over ssh: what is run there instead of `tidemark`. */
  readonly remoteCommand?: string | undefined
}

const fileName = 'sync.json'
const mostPeers = 1000
const mostSelected = 10_000
const mostBytes = 16 * 1024 * 1024

const none: SyncSettings = { peers: [], selected: undefined }

/** A name for a peer: short, on one line, nothing that a place could be taken for. Throws `usage`. */
export function checkPeerName(name: string): void {
  if (isPeerName(name)) return
  throw new TidemarkError(
    'usage',
    `${JSON.stringify(name)}: the name of a peer has letters, digits, dots, dashes and underscores, at most 64`,
  )
}

function isPeerName(name: string): boolean {
  return /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]{0,63}$/u.test(name)
}

export async function readSyncSettings(root: string): Promise<SyncSettings> {
  try {
    return decodeSyncSettings(await new DirectoryBucket(join(root, ownDirectory)).get(fileName))
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return none
    if (!isTidemarkError(error, 'corrupt')) throw error
    const advice = 'move it away, and add the peers again'
    throw new TidemarkError('corrupt', `${join(root, ownDirectory)}/${error.message} (${advice})`, {
      cause: error,
    })
  }
}

export function writeSyncSettings(root: string, settings: SyncSettings): Promise<void> {
  return new DirectoryBucket(join(root, ownDirectory)).put(fileName, encodeSyncSettings(settings))
}

export function encodeSyncSettings({ peers, selected }: SyncSettings): Uint8Array {
  const document = {
    format: 'tidemark sync',
    version: 1,
    peers,
    ...(selected === undefined ? {} : { selected }),
  }
  return new TextEncoder().encode(`${JSON.stringify(document, undefined, 2)}\n`)
}

/** Throws `corrupt`, or `unsupported` for those of a newer program. */
export function decodeSyncSettings(bytes: Uint8Array): SyncSettings {
  if (bytes.length > mostBytes) throw corrupt(fileName, 'too long')
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new TidemarkError('corrupt', `${fileName}: not a JSON document`, { cause: error })
  }
  const { format, version, peers, selected } = (value ?? {}) as Record<string, unknown>
  if (format !== 'tidemark sync') throw corrupt(fileName, 'not the settings of sync')
  if (version !== 1)
    throw new TidemarkError('unsupported', `${fileName}: made by a newer Tidemark: update this one`)
  if (!Array.isArray(peers) || peers.length > mostPeers) throw corrupt(fileName, 'bad list of peers')
  const known = peers.map(decodePeer)
  if (new Set(known.map(({ name }) => name)).size < known.length)
    throw corrupt(fileName, 'two peers of one name')
  return { peers: known, selected: decodeSelected(selected) }
}

function decodePeer(value: unknown): KnownPeer {
  const { name, place, mode, readOnly, remoteCommand } = (value ?? {}) as Record<string, unknown>
  if (typeof name !== 'string' || !isPeerName(name)) throw corrupt(fileName, 'bad name of a peer')
  const known = modes.find((word) => word === mode)
  if (typeof place !== 'string' || !isPlace(place)) throw corrupt(fileName, `bad place of ${name}`)
  if (known === undefined) throw corrupt(fileName, `the mode of ${name} is none of ${modes.join(', ')}`)
  if (typeof readOnly !== 'boolean') throw corrupt(fileName, `whether ${name} is read-only is not said`)
  if (remoteCommand !== undefined && typeof remoteCommand !== 'string')
    throw corrupt(fileName, `what to run for ${name} is no text`)
  return { name, place, mode: known, readOnly, ...(remoteCommand === undefined ? {} : { remoteCommand }) }
}

function isPlace(text: string): boolean {
  try {
    parsePlace(text, '/')
    return true
  } catch (error) {
    if (isTidemarkError(error)) return false
    throw error
  }
}

function decodeSelected(value: unknown): Name[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length > mostSelected) throw corrupt(fileName, 'bad list of sub-trees')
  return value.map((path) => {
    if (typeof path !== 'string' || !isPathInside(path)) throw corrupt(fileName, 'bad path of a sub-tree')
    return path
  })
}

/** A path of a tree, no part of which leads anywhere else. */
export function isPathInside(path: Name): boolean {
  if (path.includes('\0')) return false
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

/** Notes which sub-trees of the folder at `root` are here from now on: all, when one of the paths is empty. */
export async function select(root: string, paths: readonly Name[]): Promise<void> {
  for (const path of paths) {
    if (path !== '' && !isPathInside(path))
      throw new TidemarkError('usage', `${displayName(path)}: not a path from the top of the folder`)
  }
  const selected = paths.includes('') ? undefined : [...new Set(paths)].toSorted()
  const settings = await readSyncSettings(root)
  await writeSyncSettings(root, { ...settings, selected })
}
