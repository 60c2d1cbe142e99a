import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { sha256Hex } from '../../hash/sha256.ts'
import { corrupt, isTidemarkError, TidemarkError } from '../../errors.ts'
import { compareEpochs, nameOfHead, parseHead, parseIndexName, type SignedHead } from '../../recent/index.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import type { Transport } from '../transport/transport.ts'
import { copyIndex, type Expected, type IndexCopy } from './index-copy.ts'
import { beginning } from './index-events.ts'
import { findPrincipal, indexNames } from './index-names.ts'
import type { MirrorState } from './mirror-state.ts'
import { OwnCopies } from './own-copies.ts'
import { readHead } from './read-head.ts'
import { checkGoesOn, noteLook } from './stale-head.ts'
import { isBeginning, reaches, takeIn } from './take-in.ts'
import { checkHeadless, noteHead, type TrustOptions } from './trust.ts'

export interface OriginOptions extends TrustOptions {
  /** The name of the principal or of the link to it, when it was given. */
  readonly principal: string | undefined
  /** The mirror's own directory, and where copies wait. */
  readonly directory: string
  readonly indexes: string
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onRefused: (error: TidemarkError) => void
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

/**
 * Reads what is new at an origin into the state: its head when it has one, its principal index, and those after
 * it as far as there would be a gap to what is known. Copies of what has changed wait in `indexes` until
 * the contents that they name are there.
 */
export class OriginReader {
  readonly copies: OwnCopies
  readonly #transport: Transport
  readonly #state: MirrorState
  readonly #options: OriginOptions

  constructor(transport: Transport, state: MirrorState, options: OriginOptions) {
    this.#transport = transport
    this.#state = state
    this.#options = options
    this.copies = new OwnCopies(state, options.directory, options.indexes)
  }

  get root(): string {
    return this.#state.get('root') ?? this.#namedRoot ?? 'RECENT'
  }

  get #namedRoot(): string | undefined {
    const { principal } = this.#options
    if (principal?.endsWith('.recent') === true) return principal.slice(0, -'.recent'.length)
    return principal === undefined ? undefined : parseIndexName(principal)?.root
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
    const transport = this.#transport
    const state = this.#state
    const answer = await readHead({ ...this.#options, transport, state, root: this.root, anew, wait })
    if (answer === 'same') {
      await this.#checkGoesOn()
      return nothing
    }
    if (answer === 'missing') {
      checkHeadless(state, this.#options)
      const look = await this.#followPrincipal(anew)
      if (!look.same) this.#forgetHead()
      return look
    }
    const { head, bytes } = answer
    const look = await this.#followHead(head, anew)
    writeFileSync(this.copies.waiting(nameOfHead(this.root)), bytes)
    state.step(() => {
      noteHead(head, state)
      state.set('headed', '1')
      state.set('head', answer.state)
      state.set('followed', sha256Hex(bytes))
      noteLook(state, this.#options.now())
    })
    return look
  }

  async #checkGoesOn(): Promise<void> {
    const principal = this.copies.at(0)
    if (principal === undefined) return
    const { signal, now } = this.#options
    const [transport, state, root] = [this.#transport, this.#state, this.root]
    const basis = this.copies.finished(principal.name)
    await checkGoesOn({ transport, state, root, principal, basis, now: now(), signal })
  }

  #forgetHead(): void {
    rmSync(this.copies.waiting(nameOfHead(this.root)), { force: true })
    this.#state.step(() => {
      for (const key of ['headed', 'head', 'followed']) this.#state.set(key, undefined)
    })
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
    return this.#takeIn(copies, anew)
  }

  /** The newest copy of an index, as it is noted. */
  async #copy(
    tier: number,
    name: string,
    expected?: Expected,
    previous?: IndexCopy,
  ): Promise<IndexCopy | 'missing'> {
    const { copies } = this
    const noted = copies.at(tier)
    const path = noted?.name === name ? copies.finished(name) : undefined
    const own = noted === undefined || path === undefined ? undefined : { path, copy: noted }
    const copy = await copyIndex({
      transport: this.#transport,
      name,
      to: copies.fresh(name),
      own,
      expected,
      before: previous && copies.newest(previous.name),
      signal: this.#options.signal,
    })
    return copy === 'same' ? own!.copy : copy
  }

  /** Without a head: the principal, and what comes after it as the merged epochs tell. */
  async #followPrincipal(anew: boolean): Promise<Look> {
    const state = this.#state
    const { signal, principal } = this.#options
    const { root, copies: own } = this
    const name = own.at(0)?.name ?? (await findPrincipal(this.#transport, { principal, root, signal }))
    state.set('root', parseIndexName(name)?.root)
    const first = await this.#copy(0, name)
    if (first === 'missing') throw new TidemarkError('missing', `${this.#transport.name} has no ${name}`)
    const isSame = first.sha256 === own.at(0)?.sha256
    if (isSame && !anew && state.get('frontier') !== undefined && this.#isSettled(first)) return nothing
    const names = indexNames(name, beginning(own.newest(name)).meta)
    const copies: IndexCopy[] = [first]
    const isFull = anew || isBeginning(first, state)
    for (const [i, name] of names.slice(1).entries()) {
      const tier = i + 1
      const noted = own.at(tier)
      const before = copies.at(-1)!
      const gap = isFull || !reaches(before, own.newest(before.name), state)
      const isBehind =
        noted === undefined ||
        noted.dirtymark !== first.dirtymark ||
        (before.merged !== undefined && compareEpochs(noted.max ?? '0', before.merged) < 0)
      if (!gap && !isBehind) {
        copies.push(noted)
        continue
      }
      const copy = await this.#copy(tier, name)
      // Not merged into yet: then the ones before it have everything.
      if (copy === 'missing' && before.merged === undefined) break
      if (copy === 'missing') throw new TidemarkError('conflict', `${name} is missing at the origin`)
      copies.push(copy)
    }
    return this.#takeIn(copies, anew)
  }

  /** After a dirty epoch the longer indexes follow one after the other: until then they are looked at, too. */
  #isSettled({ dirtymark }: IndexCopy): boolean {
    for (let tier = 1; ; tier++) {
      const copy = this.copies.at(tier)
      if (copy === undefined) return true
      if (copy.dirtymark !== dirtymark) return false
    }
  }

  #takeIn(copies: readonly IndexCopy[], anew: boolean): Look {
    const { root, copies: own } = this
    const { onRefused } = this.#options
    return { same: false, ...takeIn(copies, anew, { state: this.#state, own, root, onRefused }) }
  }
}
