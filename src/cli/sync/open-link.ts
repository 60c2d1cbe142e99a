import { TidemarkError } from '../../errors.ts'
import { linkDirectory } from '../../sync/link.ts'
import type { Link, LinkOptions, OpenCopy } from '../../sync/link.ts'
import { checkRemembered } from '../../sync/meet.ts'
import type { Mode } from '../../sync/mode.ts'
import { formatPlace, parsePlace } from '../../sync/place.ts'
import type { Place } from '../../sync/place.ts'
import { linkRemote } from '../../sync/remote-link.ts'
import type { RemoteLink, RemoteOptions } from '../../sync/remote-link.ts'
import type { Replica } from '../../sync/replica.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import { loadIdentity, stateDirectory } from '../../sync/wire/identity.ts'
import { TokenBucket } from '../../sync/wire/token-bucket.ts'
import { sshLink } from '../../sync/wire/transport/ssh.ts'
import { connectTls } from '../../sync/wire/transport/tls.ts'
import type { Link as Stream } from '../../sync/wire/transport/link.ts'
import { machineAt } from './known-machines.ts'

/** A link, and what else is known of it. */
export interface OpenedLink extends Link {
  /** What way changes can go: what was wished, unless the other side does not allow it. */
  readonly mode: Mode
  /** Changes go this way only because nothing may be changed there. */
  readonly mayOnlyRead?: boolean | undefined
  /** Bytes over the wire; undefined for a directory of this machine, which tells what it takes in instead. */
  readonly traffic: RemoteLink['traffic'] | undefined
}

/** How places on other machines are reached. */
export interface Reach {
  /** What is run there instead of `tidemark`. */
  readonly remoteCommand?: string | undefined
  /** Somebody is there to be asked for a password. */
  readonly isInteractive?: boolean | undefined
  readonly allowDeletes?: boolean | undefined
  /** There and back for long: the other side watches its files. */
  readonly watch?: boolean | undefined
  /** Only to look: nothing is made or changed there. */
  readonly dryRun?: boolean | undefined
  readonly rates?: RemoteOptions['rates']
}

/** So many bytes a second, each way. */
export function ratesOf(bytesPerSecond: number | undefined): Reach['rates'] {
  if (bytesPerSecond === undefined) return undefined
  return { send: new TokenBucket(bytesPerSecond), receive: new TokenBucket(bytesPerSecond) }
}

export interface OpenLinkOptions extends LinkOptions {
  readonly reach: Reach
  readonly create?: RemoteOptions['create']
}

/** How a peer is reached: as it is noted, unless this time something else is said. */
export function reachOf({ remoteCommand }: KnownPeer, reach: Reach): Reach {
  return { ...reach, remoteCommand: reach.remoteCommand ?? remoteCommand }
}

export function modeOf({ mode, readOnly }: KnownPeer): Mode {
  return readOnly ? 'send' : mode
}

/** Goes to a peer of the folder, wherever it is. */
export async function openLink(
  { folder, replica }: Pick<OpenCopy, 'folder' | 'replica'>,
  peer: KnownPeer,
  { reach, create, ...options }: OpenLinkOptions,
): Promise<OpenedLink> {
  const place = parsePlace(peer.place, '/')
  const mode = modeOf(peer)
  if (place.kind !== 'directory')
    return openRemote(replica, place, mode, reachOf(peer, reach), { create, ...options })
  await checkRemembered(folder.root, place.path)
  return { ...(await linkDirectory(replica, place.path, options)), mode, traffic: undefined }
}

type FarPlace = Exclude<Place, { kind: 'directory' }>

export async function openRemote(
  own: Replica,
  place: FarPlace,
  wished: Mode,
  reach: Reach,
  options: Pick<RemoteOptions, 'create' | 'guard' | 'signal'>,
): Promise<OpenedLink> {
  const stream = await openStream(place, reach, options)
  const link = await linkRemote(own, stream, {
    ...options,
    place: nameThere(place),
    access: wished === 'send' ? 'read' : 'read-write',
    rates: reach.rates,
  })
  if (link.access === 'read-write' || wished === 'receive') return { ...link, mode: wished }
  // Over ssh a session that only looks may do no more, whatever another one may.
  if (reach.dryRun === true && place.kind === 'ssh') return { ...link, mode: wished }
  if (wished === 'two-way') return { ...link, mode: 'receive', mayOnlyRead: true }
  await link.close()
  throw new TidemarkError('denied', `${formatPlace(place)}: nothing may be changed there`)
}

export function nameThere(place: FarPlace): string {
  return place.kind === 'ssh' ? place.path : place.name
}

/** A stream to where the place is. */
export async function openStream(
  place: FarPlace,
  reach: Reach,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<Stream> {
  if (place.kind === 'ssh') {
    const { user, host, port } = place
    const remoteCommand = serveCommand(reach)
    return sshLink({ user, host, port, remoteCommand, isInteractive: reach.isInteractive ?? false })
  }
  const directory = stateDirectory(process.env)
  const { host, port } = place
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const known = machineAt(directory, host, port)
  if (known === undefined)
    throw new TidemarkError('denied', `${address} is not known here (tidemark pair ${address})`)
  const identity = await loadIdentity(directory)
  return connectTls({ host, port, identity, fingerprint: known.fingerprint, signal })
}

function serveCommand({ remoteCommand = 'tidemark', watch, dryRun, allowDeletes }: Reach): string {
  const flags = [watch && ' --watch', dryRun && ' --dry-run', allowDeletes && ' --allow-deletes']
  return `${remoteCommand} serve --stdio${flags.filter((flag) => flag).join('')}`
}
