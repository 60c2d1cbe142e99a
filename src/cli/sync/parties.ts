import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { openFolder } from '../../folder/folder.ts'
import { isFolder } from '../../sync/introduce.ts'
import { nameOfPlace } from '../../sync/meet.ts'
import type { Mode } from '../../sync/mode.ts'
import { formatPlace, parsePlace } from '../../sync/place.ts'
import type { Place } from '../../sync/place.ts'
import { readSyncSettings } from '../../sync/sync-settings.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import type { Context } from '../context.ts'

/** Who is to be brought in step: a directory of this machine, which may be no folder yet, with others. */
export interface Parties {
  readonly own: string
  readonly peers: readonly KnownPeer[]
  /** They were named on the command line, so they are remembered and what is missing is made. */
  readonly named: boolean
}

/** Throws `usage` when it cannot be told who is meant. */
export async function findParties(
  context: Context,
  one: string | undefined,
  other: string | undefined,
  mode: Mode | undefined,
): Promise<Parties> {
  const here = resolve(context.workingDirectory, context.options.folder ?? '')
  if (context.options.repository !== undefined)
    throw new TidemarkError(
      'usage',
      'sync works on folders, not on a bare repository: leave --repository out',
    )
  if (one !== undefined && other !== undefined)
    return named(parsePlace(one, here), parsePlace(other, here), mode)
  const root = await rootOf(here)
  if (one === undefined) return configured(root ?? here, mode)
  const peers = root === undefined ? [] : (await readSyncSettings(root)).peers
  const peer = peers.find(({ name }) => name === one)
  if (peer !== undefined) return { own: root!, peers: [withMode(peer, mode)], named: false }
  const place = parsePlace(one, here)
  if (place.kind === 'directory' && (root === undefined || root === place.path) && isFolder(place.path))
    return configured(place.path, mode)
  if (root !== undefined && place.kind === 'directory' && !one.includes('/') && !existsSync(place.path))
    throw new TidemarkError('missing', `no peer ${one} (tidemark peer lists them), and no such directory`)
  return named({ kind: 'directory', path: root ?? here }, place, mode)
}

async function configured(root: string, mode: Mode | undefined): Promise<Parties> {
  const { peers } = isFolder(root) ? await readSyncSettings(root) : { peers: [] }
  if (peers.length === 0)
    throw new TidemarkError(
      'usage',
      `${root} has no peers yet: name the other copy (tidemark sync ${root} PLACE)`,
    )
  return { own: root, peers: peers.map((peer) => withMode(peer, mode)), named: false }
}

function withMode(peer: KnownPeer, mode: Mode | undefined): KnownPeer {
  return mode === undefined ? peer : { ...peer, mode }
}

async function named(one: Place, other: Place, mode: Mode | undefined): Promise<Parties> {
  for (const place of [one, other]) {
    if (place.kind === 'directory' && existsSync(place.path) && !statSync(place.path).isDirectory())
      throw new TidemarkError('usage', `${place.path}: not a directory`)
  }
  if (one.kind !== 'directory' && other.kind !== 'directory')
    throw new TidemarkError('usage', 'one of the two must be a directory of this machine')
  const swapped = one.kind !== 'directory'
  const [own, place] = (swapped ? [other, one] : [one, other]) as [Place & { kind: 'directory' }, Place]
  const text = formatPlace(place)
  // Said of the first one; here the other way round.
  const seen = swapped && mode === 'send' ? 'receive' : swapped && mode === 'receive' ? 'send' : mode
  const noted = isFolder(own.path) ? (await readSyncSettings(own.path)).peers : []
  const peer = noted.find((known) => known.place === text) ?? {
    name: nameOfPlace(text),
    place: text,
    mode: 'two-way',
    readOnly: false,
  }
  return { own: own.path, peers: [withMode(peer, seen)], named: true }
}

/** The folder that `path` is in, if it is in one. */
async function rootOf(path: string): Promise<string | undefined> {
  try {
    const folder = await openFolder(path)
    folder.close()
    return folder.root
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return undefined
    throw error
  }
}
