import { existsSync } from 'node:fs'
import { TidemarkError } from '../../errors.ts'
import { StatusWriter } from '../../sync/folder-status.ts'
import { defaultGuard } from '../../sync/guard.ts'
import type { Guard } from '../../sync/guard.ts'
import { introduce, isFolder, openIntroduced } from '../../sync/introduce.ts'
import { keepFolder } from '../../sync/keep-folder.ts'
import type { KeepEvent } from '../../sync/keep-folder.ts'
import type { StepPeer } from '../../sync/keep-in-step.ts'
import { openCopy } from '../../sync/link.ts'
import type { OpenCopy } from '../../sync/link.ts'
import { parsePlace } from '../../sync/place.ts'
import type { Pulled } from '../../sync/pulled.ts'
import { askFolder } from '../../sync/remote-link.ts'
import type { ServedFolder } from '../../sync/served-folders.ts'
import { select } from '../../sync/sync-settings.ts'
import { modeOf, nameThere, openStream, reachOf } from '../sync/open-link.ts'
import type { OpenedLink, Reach } from '../sync/open-link.ts'
import { goTo } from '../sync/work.ts'
import type { Work } from '../sync/work.ts'
import type { KnownFolders } from './known-folders.ts'
import type { UpOptions } from './up-event.ts'
import type { UpFolder } from './up-file.ts'

/** One folder of the file, and what keeps it. */
export class Keeper implements ServedFolder {
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
      status.take(event)
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
        const stream = await openStream(place, { ...reachOf(peer, reach), watch: false }, { signal })
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
