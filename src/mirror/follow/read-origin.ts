import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { displayName } from '../../bytes/name.ts'
import { sha256Hex } from '../../hash/sha256.ts'
import { corrupt, isTidemarkError, TidemarkError } from '../../errors.ts'
import {
  compareEpochs,
  intervalSeconds,
  longestHead,
  nameOfHead,
  nameOfIndex,
  nameOfPrincipalLink,
  parseHead,
  parseIndexName,
  RecentReader,
  sortIntervals,
  type Epoch,
  type Meta,
  type SignedHead,
} from '../../recent/index.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import type { Transport } from '../transport/transport.ts'
import { absorb } from './absorb.ts'
import { copyIndex, type IndexCopy } from './index-copy.ts'
import { eventsIn } from './index-events.ts'
import type { MirrorState } from './mirror-state.ts'
import { checkHead, checkHeadless, noteHead, type TrustOptions } from './trust.ts'

export interface OriginOptions extends TrustOptions {
  /** The name of the principal or of the link to it, when it was given. */
  readonly principal: string | undefined
  /** The mirror's own directory, and where copies wait. */
  readonly directory: string
  readonly indexes: string
  readonly signal: AbortSignal
  readonly onRefused: (error: TidemarkError) => void
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** What a look at the origin has brought. */
export interface Look {
  /** Nothing has changed since the last look. */
  readonly same: boolean
  /** Events that were new. */
  readonly events: number
  /** Everything was read anew, from the first index to the last. */
  readonly full: boolean
}

export interface LookOptions {
  /** Read everything, whatever is known of it. */
  readonly anew?: boolean | undefined
  /** Seconds that the origin may wait with its answer while nothing is new, if it can. */
  readonly wait?: number | undefined
}

const nothing: Look = { same: true, events: 0, full: false }

/** So often a head and indexes that do not fit are read again: the origin is between two writes. */
const patience = 6

/** Longer lists of indexes make no sense. */
const mostIndexes = 64

/**
 * Reads what is new at an origin into the state: its head when it has one, its principal index, and those after
 * it as far as there would be a gap to what is known. Copies of what has changed wait in `indexes` until
 * the contents that they name are there.
 */
export class OriginReader {
  readonly #transport: Transport
  readonly #state: MirrorState
  readonly #options: OriginOptions

  constructor(transport: Transport, state: MirrorState, options: OriginOptions) {
    this.#transport = transport
    this.#state = state
    this.#options = options
  }

  get root(): string {
    return this.#state.get('root') ?? this.#named?.root ?? 'RECENT'
  }

  get #named(): { root: string } | undefined {
    const { principal } = this.#options
    if (principal === undefined) return undefined
    return principal.endsWith('.recent')
      ? { root: principal.slice(0, -'.recent'.length) }
      : parseIndexName(principal)
  }

  get hasHead(): boolean {
    return this.#state.get('headed') === '1'
  }

  /** The head that is followed and in its place; undefined when there is none. */
  publishedHead(root: DirectoryHandle): SignedHead | undefined {
    const name = nameOfHead(this.root)
    if (!this.hasHead || root.stat(name)?.kind !== 'file') return undefined
    const bytes = readFileSync(root.path(name))
    return sha256Hex(bytes) === this.#state.get('followed') ? parseHead(bytes) : undefined
  }

  /** All indexes, in their order. */
  names(): string[] {
    const names: string[] = []
    for (let tier = 0; ; tier++) {
      const copy = this.copy(tier)
      if (copy === undefined) return names
      names.push(copy.name)
    }
  }

  copy(tier: number): IndexCopy | undefined {
    const text = this.#state.tier(tier)
    return text === undefined ? undefined : (JSON.parse(text) as IndexCopy)
  }

  staged(name: string): string {
    return join(this.#options.indexes, name)
  }

  /** Our own newest copy of an index: the one that waits, or the one in its place. */
  ownPath(name: string): string | undefined {
    const staged = this.staged(name)
    if (existsSync(staged)) return staged
    const placed = join(this.#options.directory, name)
    return existsSync(placed) ? placed : undefined
  }

  /** Rejects what the transport rejects, and `denied` for an origin that is not to be believed. */
  async look({ anew = false, wait }: LookOptions = {}): Promise<Look> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#lookOnce(anew, tries === 1 ? wait : undefined)
      } catch (error) {
        if (tries === patience || !isTidemarkError(error, 'conflict')) throw error
        await sleep(50 * 2 ** tries, undefined, { signal: this.#options.signal })
      }
    }
  }

  async #lookOnce(anew: boolean, wait?: number): Promise<Look> {
    const answer = await this.#readHead(anew, wait)
    if (answer === 'same') return nothing
    if (answer === 'missing') {
      checkHeadless(this.#state, this.#options)
      const look = await this.#followPrincipal(anew)
      if (!look.same) this.#forgetHead()
      return look
    }
    const { head, bytes, state } = answer
    const look = await this.#followHead(head, anew)
    writeFileSync(this.staged(nameOfHead(this.root)), bytes)
    this.#state.step(() => {
      noteHead(head, this.#state)
      this.#state.set('headed', '1')
      this.#state.set('head', state)
      this.#state.set('followed', sha256Hex(bytes))
    })
    return look
  }

  #forgetHead(): void {
    rmSync(this.staged(nameOfHead(this.root)), { force: true })
    this.#state.step(() => {
      for (const key of ['headed', 'head', 'followed']) this.#state.set(key, undefined)
    })
  }

  async #readHead(
    anew: boolean,
    wait: number | undefined,
  ): Promise<'same' | 'missing' | { head: SignedHead; bytes: Uint8Array; state: string | undefined }> {
    const name = nameOfHead(this.root)
    const { directory, signal } = this.#options
    const known = anew ? undefined : this.#state.get('head')
    const reading = await this.#transport.read(name, {
      known,
      wait,
      basis: join(directory, name),
      signal,
    })
    if (reading === 'same' || reading === 'missing') return reading
    if (reading === 'changed') throw new TidemarkError('conflict', `${name} changed while it was read`)
    const bytes = await this.#gather(reading.body, longestHead, name)
    const head = parseHead(bytes)
    checkHead(head, this.#state, this.#options)
    const isKnown = this.#state.get('followed') === sha256Hex(bytes)
    if (isKnown && !anew) {
      this.#state.set('head', reading.fresh ? undefined : reading.state)
      return 'same'
    }
    return { head, bytes, state: reading.fresh ? undefined : reading.state }
  }

  async #gather(body: AsyncIterable<Uint8Array>, most: number, name: string): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    let length = 0
    for await (const piece of body) {
      this.#options.onBytes?.(piece.length)
      length += piece.length
      if (length > most) throw new TidemarkError('limit', `${name} has more than ${most} bytes`)
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  /** With a head: exactly the indexes that have changed are read, and each is proven by its hash. */
  async #followHead(head: SignedHead, anew: boolean): Promise<Look> {
    const copies: IndexCopy[] = []
    for (const [tier, expected] of head.indexes.entries()) {
      const { name } = expected
      if (parseIndexName(name)?.root !== this.root) throw corrupt('head', `${name} is no index of this tree`)
      const copy = await this.#copy(tier, name, expected, copies.at(-1))
      if (copy === 'missing') throw new TidemarkError('conflict', `${name} is missing at the origin`)
      copies.push(copy)
    }
    const look = this.#absorb(copies, anew)
    this.#state.dropTiers(copies.length)
    return look
  }

  /** The newest copy of an index, as it is noted. */
  async #copy(
    tier: number,
    name: string,
    expected?: { readonly size: number; readonly sha256: string },
    previous?: IndexCopy,
  ): Promise<IndexCopy | 'missing'> {
    const { signal, onBytes } = this.#options
    const noted = this.copy(tier)
    const path = noted?.name === name ? this.ownPath(name) : undefined
    const own = noted === undefined || path === undefined ? undefined : { path, copy: noted }
    const to = `${this.staged(name)}.new`
    const transport = this.#transport
    const before = previous && this.#pathOf(previous)
    const copy = await copyIndex({ transport, name, to, own, expected, before, signal, onBytes })
    if (copy === 'missing') return copy
    if (copy === 'same') return own!.copy
    return copy
  }

  /** Puts a copy that is fully known where it waits for its contents. */
  #stage(tier: number, copy: IndexCopy): void {
    this.#state.setTier(tier, JSON.stringify(copy))
  }

  /** Without a head: the principal, and what comes after it as the merged epochs tell. */
  async #followPrincipal(anew: boolean): Promise<Look> {
    const name = await this.#principalName()
    const first = await this.#copy(0, name)
    if (first === 'missing') throw new TidemarkError('missing', `${this.#transport.name} has no ${name}`)
    const isSame = first.sha256 === this.copy(0)?.sha256
    if (isSame && !anew && this.#state.get('frontier') !== undefined && this.#isSettled(first)) return nothing
    const names = this.#tierNames(first)
    const copies: IndexCopy[] = [first]
    const isFull = anew || this.#isBeginning(first)
    for (const [i, name] of names.slice(1).entries()) {
      const tier = i + 1
      const own = this.copy(tier)
      const before = copies.at(-1)!
      const gap = isFull || !this.#reaches(copies.at(-1)!)
      const isBehind =
        own === undefined ||
        own.dirtymark !== first.dirtymark ||
        (before.merged !== undefined && compareEpochs(own.max ?? '0', before.merged) < 0)
      if (!gap && !isBehind) {
        copies.push(own)
        continue
      }
      const copy = await this.#copy(tier, name)
      // Not merged into yet: then the ones before it have everything.
      if (copy === 'missing' && before.merged === undefined) break
      if (copy === 'missing') throw new TidemarkError('conflict', `${name} is missing at the origin`)
      copies.push(copy)
    }
    const look = this.#absorb(copies, anew)
    this.#state.dropTiers(copies.length)
    return look
  }

  /** After a dirty epoch the longer indexes follow one after the other: until then they are looked at, too. */
  #isSettled({ dirtymark }: IndexCopy): boolean {
    for (let tier = 1; ; tier++) {
      const copy = this.copy(tier)
      if (copy === undefined) return true
      if (copy.dirtymark !== dirtymark) return false
    }
  }

  /** Whether an index goes back to what is known, so that nothing lies between. */
  #reaches(copy: IndexCopy): boolean {
    const frontier = this.#state.get('frontier')
    if (frontier === undefined) return false
    if (isMergedUpTo(copy, frontier)) return true
    for (const { epoch } of eventsIn(this.#pathOf(copy))) {
      if (compareEpochs(epoch, frontier) <= 0) return true
    }
    return false
  }

  /** Where the copy is: just made, waiting, or in its place. */
  #pathOf({ name }: IndexCopy): string {
    const fresh = `${this.staged(name)}.new`
    return existsSync(fresh) ? fresh : (this.ownPath(name) ?? fresh)
  }

  async #principalName(): Promise<string> {
    const noted = this.copy(0)?.name
    if (noted !== undefined) return noted
    const { principal } = this.#options
    if (principal !== undefined && !principal.endsWith('.recent')) {
      this.#state.set('root', parseIndexName(principal)?.root)
      return principal
    }
    const link = principal ?? nameOfPrincipalLink(this.root)
    const reading = await this.#transport.read(link, { signal: this.#options.signal })
    if (typeof reading === 'string') {
      throw new TidemarkError(
        'missing',
        `${this.#transport.name} has neither ${nameOfHead(this.root)} nor ${link}`,
      )
    }
    const meta = await metaOf(reading.body)
    if (meta.protocol === 0 || meta.interval === '') {
      const advice = 'an old index that does not tell its name: give it, as in SOURCE/RECENT-1h.yaml'
      throw new TidemarkError('usage', `${link}: ${advice}`)
    }
    return checkIndexName(
      nameOfIndex({ root: meta.filenameroot, interval: meta.interval, suffix: meta.suffix }),
    )
  }

  /** The names of all indexes, from the aggregator list of the principal. */
  #tierNames(first: IndexCopy): string[] {
    const named = parseIndexName(first.name)!
    this.#state.set('root', named.root)
    const reader = new RecentReader()
    for (const _ of eventsIn(this.#pathOf(first), reader)) if (reader.meta !== undefined) break
    const { aggregator } = reader.meta!
    const longer = sortIntervals(aggregator).filter(
      (interval) => intervalSeconds(interval) > intervalSeconds(named.interval),
    )
    return [
      first.name,
      ...longer.slice(0, mostIndexes - 1).map((interval) => nameOfIndex({ ...named, interval })),
    ]
  }

  #isBeginning({ dirtymark }: IndexCopy): boolean {
    return (
      this.#state.get('frontier') === undefined || (this.#state.get('dirtymark') ?? '') !== (dirtymark ?? '')
    )
  }

  /** Takes the copies in, principal first, until there is no gap left to what is known. */
  #absorb(copies: readonly IndexCopy[], anew: boolean): Look {
    const [first] = copies
    const isDirty = copies.some((copy, tier) => {
      const noted = this.copy(tier)
      return noted !== undefined && noted.name === copy.name && noted.dirtymark !== copy.dirtymark
    })
    let isFull = anew || isDirty || this.#isBeginning(first!)
    let events = 0
    let told = this.#take(copies, isFull)
    // Nothing overlaps with what is known: deletes may have dropped out, so everything has to be compared.
    if (!told.closed && !isFull) {
      isFull = true
      told = this.#take(copies, true)
    }
    events += told.events
    const frontier = copies.reduce<Epoch | undefined>(
      (most, { max }) =>
        most === undefined || (max !== undefined && compareEpochs(max, most) > 0) ? max : most,
      undefined,
    )
    // First the files, then the note of them: a copy that is not what was noted is read again.
    this.#keepCopies(copies)
    this.#state.step(() => {
      if (isFull) {
        const rank = Number(this.#state.get('rank') ?? 0) + 1
        events += this.#state.sweep(this.#round, copies.length - 1, rank)
      }
      if (frontier !== undefined) this.#state.set('frontier', frontier)
      else this.#state.set('frontier', '0')
      this.#state.set('dirtymark', first!.dirtymark)
      for (const [tier, copy] of copies.entries()) this.#stage(tier, copy)
    })
    return { same: false, events, full: isFull }
  }

  get #round(): number {
    return Number(this.#state.get('round') ?? 0)
  }

  #take(copies: readonly IndexCopy[], isFull: boolean): { events: number; closed: boolean } {
    if (isFull) this.#state.set('round', String(this.#round + 1))
    const frontier = isFull ? undefined : this.#state.get('frontier')
    let events = 0
    for (const [tier, copy] of copies.entries()) {
      const absorbed = absorb(this.#state, this.#pathOf(copy), {
        root: this.root,
        tier,
        frontier,
        round: this.#round,
        onRefused: this.#options.onRefused,
      })
      events += absorbed.events
      const isClosed = absorbed.closed || (frontier !== undefined && isMergedUpTo(copy, frontier))
      if (isClosed) return { events, closed: true }
    }
    return { events, closed: isFull }
  }

  /** From `.new` to the name under which they wait. */
  #keepCopies(copies: readonly IndexCopy[]): void {
    for (const { name } of copies) {
      const fresh = `${this.staged(name)}.new`
      if (existsSync(fresh)) renameSync(fresh, this.staged(name))
    }
    for (const file of readdirSync(this.#options.indexes)) {
      if (/\.new(?:\.guess)?$/.test(file)) rmSync(join(this.#options.indexes, file), { force: true })
    }
  }
}

/** Nothing newer than its merged epoch has ever been dropped from an index. */
function isMergedUpTo({ merged }: IndexCopy, frontier: Epoch): boolean {
  return merged !== undefined && compareEpochs(merged, frontier) <= 0
}

/** A hostile origin could name a file that is none beside the others. */
function checkIndexName(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}$/.test(name) && parseIndexName(name) !== undefined) return name
  throw corrupt('index', `"${displayName(name.slice(0, 100))}" cannot be its name`)
}

async function metaOf(body: AsyncIterable<Uint8Array>): Promise<Meta> {
  const reader = new RecentReader()
  let read = 0
  for await (const piece of body) {
    reader.push(piece)
    read += piece.length
    if (reader.meta !== undefined) return reader.meta
    if (read > 64 * 1024 * 1024) throw new TidemarkError('limit', 'the principal index does not begin')
  }
  reader.end()
  return reader.meta!
}
