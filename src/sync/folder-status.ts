import { join } from 'node:path'
import { isTidemarkError } from '../errors.ts'
import { ownDirectory } from '../folder/own-directory.ts'
import { DirectoryBucket } from '../store/directory-bucket.ts'
import { isAbandoned, temporaryName } from '../store/temporary-file.ts'
import type { KeepEvent } from './keep-folder.ts'

/** How a folder stands with its peers, as whoever keeps it in step, or went to a peer last, notes it in `.tidemark/status.json`. */
export interface FolderStatus {
  /** Whoever wrote this still runs. */
  readonly running: boolean
  /** Milliseconds since 1970: when it began. */
  readonly since: number
  /** Why the folder itself cannot be used. */
  readonly error: string | undefined
  readonly peers: readonly PeerStatus[]
}

export interface PeerStatus {
  readonly name: string
  readonly place: string
  readonly state: 'in-step' | 'behind' | 'failing' | 'new'
  /** When both had the same last, in milliseconds since 1970. */
  readonly inStepAt: number | undefined
  /** When a session with it ended last. */
  readonly metAt: number | undefined
  /** Entries that could not be written, here or there. */
  readonly problems: number
  readonly error: string | undefined
}

const fileName = 'status.json'
const mostPeers = 1000

/** Undefined when nobody has ever kept the folder in step. What is damaged tells nothing either. */
export async function readFolderStatus(root: string): Promise<FolderStatus | undefined> {
  try {
    const bytes = await new DirectoryBucket(join(root, ownDirectory)).get(fileName)
    return decode(JSON.parse(new TextDecoder().decode(bytes)))
  } catch (error) {
    if (error instanceof SyntaxError || isTidemarkError(error, 'missing', 'corrupt')) return undefined
    throw error
  }
}

function decode(value: unknown): FolderStatus | undefined {
  const { format, writer, since, error, peers } = (value ?? {}) as Record<string, unknown>
  if (format !== 'tidemark status' || typeof writer !== 'string' || !Array.isArray(peers)) return undefined
  const known = peers.slice(0, mostPeers).map(decodePeer)
  return {
    running: !isAbandoned(writer),
    since: numberOf(since) ?? 0,
    error: textOf(error),
    peers: known.filter((peer) => peer !== undefined),
  }
}

function decodePeer(value: unknown): PeerStatus | undefined {
  const { name, place, state, inStepAt, metAt, problems, error } = (value ?? {}) as Record<string, unknown>
  const known = (['in-step', 'behind', 'failing', 'new'] as const).find((word) => word === state)
  if (typeof name !== 'string' || typeof place !== 'string' || known === undefined) return undefined
  return {
    name,
    place,
    state: known,
    inStepAt: numberOf(inStepAt),
    metAt: numberOf(metAt),
    problems: numberOf(problems) ?? 0,
    error: textOf(error),
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export interface StatusOptions {
  /** Milliseconds since 1970. */
  readonly clock?: (() => number) | undefined
  /** What was noted of them before. */
  readonly before?: readonly PeerStatus[] | undefined
}

/** Notes how a folder stands while it is kept in step. What cannot be noted is not: it is only told. */
export class StatusWriter {
  readonly #bucket: DirectoryBucket
  readonly #writer = temporaryName()
  readonly #since: number
  readonly #clock: () => number
  readonly #peers: Map<string, PeerStatus>
  #error: string | undefined
  #writing: Promise<void> = Promise.resolve()
  #waiting = false

  constructor(
    root: string,
    peers: readonly { readonly name: string; readonly place: string }[],
    { clock = Date.now, before = [] }: StatusOptions = {},
  ) {
    // A cache: whoever reads it can bear that it is gone.
    this.#bucket = new DirectoryBucket(join(root, ownDirectory), { durable: false })
    this.#clock = clock
    this.#since = clock()
    const none = {
      state: 'new',
      inStepAt: undefined,
      metAt: undefined,
      problems: 0,
      error: undefined,
    } as const
    const noted = new Map(before.map((peer) => [peer.place, peer]))
    this.#peers = new Map(
      peers.map(({ name, place }) => [name, { ...none, ...noted.get(place), name, place }]),
    )
  }

  /** What became of a peer, or of the folder. */
  take(event: KeepEvent): void {
    if (event.kind === 'away') this.#error = event.error.message
    else if (event.kind === 'back') this.#error = undefined
    else this.#takePeer(event)
    // While its disk is away there is nowhere to note it.
    if (event.kind !== 'away') this.#write()
  }

  #takePeer(event: Exclude<KeepEvent, { kind: 'away' | 'back' }>): void {
    const peer = this.#peers.get(event.peer)
    if (peer === undefined) return
    if (event.kind === 'failed') {
      this.#peers.set(peer.name, { ...peer, state: 'failing', error: event.error.message })
    } else if (event.kind === 'synchronized') {
      const { mine, theirs, done, there } = event.result
      const problems = event.result.problems.length + (there?.problemCount ?? 0)
      const isInStep = done && mine.id === theirs.id
      const metAt = this.#clock()
      const inStepAt = isInStep ? metAt : peer.inStepAt
      const state = done ? 'in-step' : 'behind'
      this.#peers.set(peer.name, { ...peer, state, inStepAt, metAt, problems, error: undefined })
    }
  }

  /** Several at once are one. */
  #write(): void {
    if (this.#waiting) return
    this.#waiting = true
    this.#writing = this.#writeAfter(this.#writing)
  }

  async #writeAfter(before: Promise<void>): Promise<void> {
    await before
    this.#waiting = false
    await this.#bucket.put(fileName, this.#encode()).catch(() => {})
  }

  #encode(): Uint8Array {
    const document = {
      format: 'tidemark status',
      version: 1,
      writer: this.#writer,
      since: this.#since,
      error: this.#error,
      peers: [...this.#peers.values()],
    }
    return new TextEncoder().encode(`${JSON.stringify(document, undefined, 2)}\n`)
  }

  /** Resolves when all has been noted. */
  flush(): Promise<void> {
    return this.#writing
  }
}
