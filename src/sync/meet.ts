import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { TidemarkError } from '../errors.ts'
import { checkApart } from '../folder/check-apart.ts'
import { renewDevice } from '../folder/folder.ts'
import type { Folder } from '../folder/folder.ts'
import { introduce, isFolder } from './introduce.ts'
import type { IntroduceOptions } from './introduce.ts'
import type { Mode } from './mode.ts'
import { formatPlace, parsePlace } from './place.ts'
import { readSyncSettings, writeSyncSettings } from './sync-settings.ts'
import type { KnownPeer } from './sync-settings.ts'

/**
 * Makes two directories copies of one folder, whichever of them is one already; neither: a new one. The second is
 * made when it is not there. Rejects `usage` when one lies in the other, `exists` when they are different folders
 * (unless `join`), `unavailable` when one of them was a copy and is none any more: its disk may not be mounted.
 */
export async function meet(
  one: string,
  other: string,
  options: IntroduceOptions = {},
): Promise<[Folder, Folder]> {
  checkApart(one, other)
  if (!existsSync(one) && !existsSync(other))
    throw new TidemarkError('missing', `neither ${one} nor ${other} is there`)
  await checkRemembered(one, other)
  await checkRemembered(other, one)
  const swapped = !isFolder(one) && isFolder(other)
  const [from, to] = swapped ? [other, one] : [one, other]
  const first = await introduce(from, undefined, options)
  try {
    let second = await introduce(to, first.settings.folder, options)
    // Two that were copied before there were notes of where they stand.
    if (second.settings.device === first.settings.device) second = await renewDevice(second)
    return swapped ? [second, first] : [first, second]
  } catch (error) {
    first.close()
    throw error
  }
}

/** A folder knows that `other` was a copy of it: then it must be one still. */
export async function checkRemembered(root: string, other: string): Promise<void> {
  if (isFolder(other) || !isFolder(root)) return
  const place = formatPlace(parsePlace(other, resolve()))
  const { peers } = await readSyncSettings(root)
  const known = peers.find((peer) => peer.place === place)
  if (known === undefined) return
  const what = existsSync(other) ? 'has lost its .tidemark' : 'is gone'
  const advice = `if it is to begin anew: tidemark -C ${root} peer remove ${known.name}`
  throw new TidemarkError('unavailable', `${other} ${what}: is its disk mounted? (${advice})`)
}

/** Notes a peer of the folder at `root`; if its place is that of one already, only what is to be run there. */
export async function remember(root: string, peer: KnownPeer): Promise<void> {
  const settings = await readSyncSettings(root)
  const { peers } = settings
  const known = peers.find(({ place }) => place === peer.place)
  if (known !== undefined) {
    const { remoteCommand } = peer
    if (remoteCommand === undefined || remoteCommand === known.remoteCommand) return
    const changed = peers.map((one) => (one === known ? { ...one, remoteCommand } : one))
    await writeSyncSettings(root, { ...settings, peers: changed })
    return
  }
  const names = new Set(peers.map(({ name }) => name))
  let { name } = peer
  for (let n = 2; names.has(name); n++) name = `${peer.name}-${n}`
  await writeSyncSettings(root, { ...settings, peers: [...peers, { ...peer, name }] })
}

/** `meet`, and each notes the other, so that later sessions find it. Resolves with the roots of both. */
export async function befriend(
  own: string,
  peer: KnownPeer,
  options: IntroduceOptions = {},
): Promise<readonly [string, string]> {
  const [mine, theirs] = await meet(own, peer.place, options)
  mine.close()
  theirs.close()
  await remember(mine.root, { ...peer, place: theirs.root })
  await remember(theirs.root, asPeerOf(mine.root, peer))
  return [mine.root, theirs.root]
}

/** How this side appears in the list of the other one. */
export function asPeerOf(own: string, { mode }: KnownPeer): KnownPeer {
  const turned: Readonly<Record<Mode, Mode>> = { 'two-way': 'two-way', send: 'receive', receive: 'send' }
  return { name: nameOfPlace(own), place: own, mode: turned[mode], readOnly: false }
}

/** What a place is called when nobody says: a word that `checkPeerName` takes. */
export function nameOfPlace(text: string): string {
  const place = parsePlace(text, '/')
  const source = place.kind === 'directory' ? (place.path.split('/').at(-1) ?? '') : place.host
  const name = source.replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-').replace(/^[^\p{L}\p{N}_]+/u, '')
  return name.slice(0, 56) || 'copy'
}
