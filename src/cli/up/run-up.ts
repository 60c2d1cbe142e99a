import { existsSync } from 'node:fs'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { StatusWriter } from '../../sync/folder-status.ts'
import { defaultGuard } from '../../sync/guard.ts'
import type { Guard } from '../../sync/guard.ts'
import { introduce, isFolder, openIntroduced } from '../../sync/introduce.ts'
import type { StepPeer } from '../../sync/keep-in-step.ts'
import { keepFolder } from '../../sync/keep-folder.ts'
import type { KeepEvent } from '../../sync/keep-folder.ts'
import { openCopy } from '../../sync/link.ts'
import type { OpenCopy } from '../../sync/link.ts'
import { parsePlace } from '../../sync/place.ts'
import type { Pulled } from '../../sync/pulled.ts'
import { select } from '../../sync/sync-settings.ts'
import { askFolder } from '../../sync/remote-link.ts'
import { servedFolders } from '../../sync/served-folders.ts'
import type { ServedFolder } from '../../sync/served-folders.ts'
import { loadIdentity, stateDirectory } from '../../sync/wire/identity.ts'
import { peerByFingerprint, readKnownPeers } from '../../sync/wire/known-peers.ts'
import { servePeer } from '../../sync/wire/serve-peer.ts'
import { TokenBucket } from '../../sync/wire/token-bucket.ts'
import { connectionOver } from '../../sync/wire/transport/link.ts'
import type { Link as Stream } from '../../sync/wire/transport/link.ts'
import { listenTls } from '../../sync/wire/transport/tls.ts'
import { nameThere, openStream } from '../sync/open-link.ts'
import type { OpenedLink, Reach } from '../sync/open-link.ts'
import { goTo } from '../sync/work.ts'
import type { Work } from '../sync/work.ts'
import { modeOf } from '../sync/open-link.ts'
import { KnownFolders } from './known-folders.ts'
import type { UpFile, UpFolder } from './up-file.ts'

export type UpEvent =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'stranger'; readonly address: string; readonly fingerprint: string | undefined }
  | { readonly kind: 'called'; readonly address: string; readonly peer: string | undefined }
  | { readonly kind: 'folder'; readonly folder: UpFolder; readonly event: KeepEvent; readonly taken: Told }
  /** A peer that called had the folder take something in. */
  | { readonly kind: 'given'; readonly folder: UpFolder; readonly peer: string; readonly pulled: Pulled }

/** What the other side of a session took in; undefined when it is far, and does not tell. */
export type Told = readonly Pulled[] | undefined

export interface UpOptions {
  readonly signal: AbortSignal
  readonly onEvent: (event: UpEvent) => void
}

/** Keeps all folders of the file in step until `signal` is aborted. */
export async function runUp(file: UpFile, { signal, onEvent }: UpOptions): Promise<void> {
  const state = stateDirectory(process.env)
  const known = await KnownFolders.open(state)
  const { bandwidth } = file
  const rates =
    bandwidth === undefined
      ? undefined
      : { send: new TokenBucket(bandwidth), receive: new TokenBucket(bandwidth) }
  const keepers = file.folders.map((folder) => new Keeper(folder, known, rates, onEvent))
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const listening = file.listen && (await listen(file.listen, keepers, state, rates, onEvent, both))
  try {
    await Promise.all(keepers.map((keeper) => keeper.run(both)))
    // Without peers of its own there is nothing to do but to listen.
  } finally {
    stop.abort()
    await listening?.close()
  }
}

class Keeper implements ServedFolder {
  readonly folder: UpFolder
  readonly name: string
  readonly guard: Guard
  readonly #known: KnownFolders
  readonly #rates: Reach['rates']
  readonly #onEvent: UpOptions['onEvent']
  #copy: OpenCopy | undefined

  constructor(folder: UpFolder, known: KnownFolders, rates: Reach['rates'], onEvent: UpOptions['onEvent']) {
    this.folder = folder
    this.name = folder.name
    this.guard = folder.maxVanishing === undefined ? defaultGuard : { maxVanishing: folder.maxVanishing }
    this.#known = known
    this.#rates = rates
    this.#onEvent = onEvent
  }

  copy = (): OpenCopy | undefined => this.#copy

  onPulled = (pulled: Pulled, peer: string): void =>
    this.#onEvent({ kind: 'given', folder: this.folder, peer, pulled })

  async run(signal: AbortSignal): Promise<void> {
    const { path, peers, schedule } = this.folder
    const work = this.#work(signal)
    const links = new Map<string, { link: OpenedLink; taken: Pulled[] }>()
    const status = new StatusWriter(path, peers)
    const stepPeers = peers.map((peer): StepPeer => ({
      name: peer.name,
      mode: modeOf(peer),
      schedule,
      connect: async () => {
        const taken: Pulled[] = []
        const link = await goTo(this.#copy!, peer, work, (pulled) => taken.push(pulled))
        links.set(peer.name, { link, taken })
        return link
      },
    }))
    const onEvent = (event: KeepEvent): void => {
      const met = 'peer' in event ? links.get(event.peer) : undefined
      const told = met?.link.traffic === undefined ? met?.taken.splice(0) : undefined
      status.take(event, told?.at(-1)?.problems.length ?? 0)
      if (event.kind === 'away') this.#copy = undefined
      this.#onEvent({ kind: 'folder', folder: this.folder, event, taken: told })
    }
    const onOpen = (copy: OpenCopy): void => {
      this.#copy = copy
      this.#known.note(path, copy.replica.folder)
    }
    await keepFolder(() => this.#open(work), stepPeers, {
      signal,
      guard: this.guard,
      onEvent,
      onOpen,
      // What is not there yet, or no longer, may come.
      waitsForFirst: true,
    })
    await status.flush()
  }

  #work(signal: AbortSignal): Work {
    const { path, peers, history, schedule } = this.folder
    const watch = schedule === undefined
    const allowDeletes = this.guard.maxVanishing >= 1
    return {
      parties: { own: path, peers, named: true },
      guard: this.guard,
      reach: { watch, allowDeletes, rates: this.#rates },
      create: { history, join: false },
      signal,
    }
  }

  async #open(work: Work): Promise<OpenCopy> {
    const { path, schedule, include } = this.folder
    const folder = isFolder(path) ? await openIntroduced(path) : await this.#introduce(work)
    if (include !== undefined) await select(folder.root, include)
    return openCopy(folder, { watch: schedule === undefined ? {} : undefined })
  }

  /** A directory that is no folder yet becomes one: that of its peers, if they have one. */
  async #introduce({ reach, signal }: Work): ReturnType<typeof introduce> {
    const { path, peers, history } = this.folder
    if (this.#known.has(path))
      throw new TidemarkError('unavailable', `${path} was a folder, and is none now: is its disk mounted?`)
    if (!existsSync(path))
      throw new TidemarkError('unavailable', `${path} is not there: is its disk mounted?`)
    let id: string | undefined
    for (const peer of peers) {
      const place = parsePlace(peer.place, '/')
      if (place.kind !== 'directory') {
        const stream = await openStream(place, { ...reach, watch: false }, { signal })
        id ??= await askFolder(stream, { place: nameThere(place), signal })
      } else if (isFolder(place.path)) {
        const folder = await openIntroduced(place.path)
        folder.close()
        id ??= folder.settings.folder
      }
      if (id !== undefined) break
    }
    return introduce(path, id, { history })
  }
}

async function listen(
  { host, port }: NonNullable<UpFile['listen']>,
  folders: readonly Keeper[],
  state: string,
  rates: Reach['rates'],
  onEvent: UpOptions['onEvent'],
  signal: AbortSignal,
): Promise<{ close(): Promise<void> }> {
  const identity = await loadIdentity(state)
  // Read anew for each that calls: those that have been paired since are known too.
  const knownPeers = (): ReturnType<typeof readKnownPeers> => {
    try {
      return readKnownPeers(state)
    } catch (error) {
      if (isTidemarkError(error)) return []
      throw error
    }
  }
  const service = servedFolders(folders, knownPeers)
  const open = new Set<Promise<unknown>>()
  const answer = async (stream: Stream): Promise<void> => {
    const { fingerprint, name } = stream
    const known = fingerprint === undefined ? undefined : peerByFingerprint(knownPeers(), fingerprint)
    onEvent({ kind: 'called', address: name, peer: known?.name })
    const connection = connectionOver(stream, { sendRate: rates?.send, receiveRate: rates?.receive })
    const stop = (): void => void connection.close()
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    await servePeer(connection, service, { fingerprint, plain: stream.isNear })
    signal.removeEventListener('abort', stop)
  }
  const listener = await listenTls({
    host,
    port,
    identity,
    isKnown: (fingerprint) => peerByFingerprint(knownPeers(), fingerprint) !== undefined,
    onLink: (stream) => {
      const answering = answer(stream)
        .catch(() => {})
        .finally(() => open.delete(answering))
      open.add(answering)
    },
    onStranger: (fingerprint, address) => onEvent({ kind: 'stranger', address, fingerprint }),
  })
  onEvent({ kind: 'listening', port: listener.port })
  return {
    async close() {
      listener.close()
      await Promise.allSettled(open)
    },
  }
}
