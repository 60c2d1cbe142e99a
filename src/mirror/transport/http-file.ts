import { createHash, randomBytes, type Hash } from 'node:crypto'
import { closeSync, constants, fstatSync, ftruncateSync, readSync, unlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { displayName, nameToBytes, type Name } from '../../bytes/name.ts'
import { isTidemarkError, systemCode, TidemarkError } from '../../errors.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { writeFully } from '../../store/durable.ts'
import type { HttpAnswer } from './http-answer.ts'
import { httpFailure, type HttpClient } from './http-client.ts'
import {
  contentRange,
  lengthOf,
  mtimeOf,
  refused,
  refuseEncoding,
  stateOf,
  strongTag,
} from './http-headers.ts'
import type { Throttle } from './throttle.ts'
import { fetchShort, isShortFile, isWanted } from './short-file.ts'
import { smallFile, type Fetched, type FetchOptions, type Wanted } from './transport.ts'
import type { WebAddress } from './web-address.ts'

export interface HttpSource {
  readonly client: HttpClient
  readonly throttle: Throttle
  readonly address: WebAddress
  /** Names of files in `into` that an earlier process has left. */
  readonly left: ReadonlySet<Name>
}

/** How often a file is begun or gone on with before it is given up for now. */
const attempts = 4
/** Longest that a server may ask us to wait within one fetch, in milliseconds. */
const longestPause = 10_000

const { O_RDWR, O_CREAT, O_APPEND } = constants

/**
 * Brings one file into `into`. What a broken connection has left is gone on with; so is what another process
 * has left, where the index tells the hash, which then decides.
 */
export async function fetchFile(
  source: HttpSource,
  wanted: Wanted,
  into: DirectoryHandle,
  options: FetchOptions,
): Promise<Fetched> {
  const together =
    isShortFile(wanted) && !source.throttle.limits ? await fetchShort(source, wanted, options) : undefined
  if (together !== undefined && together !== 'other') return together
  const alone = await fetchAlone(source, wanted, into, options)
  // The right one was there.
  if (together === 'other' && 'hash' in alone && isWanted(alone.hash, wanted)) source.client.stopPipelines()
  return alone
}

async function fetchAlone(
  source: HttpSource,
  wanted: Wanted,
  into: DirectoryHandle,
  options: FetchOptions,
): Promise<Fetched> {
  const part = new Part(into, source.left, wanted)
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const fetched = await part.get(source, options)
        if (fetched !== undefined) return fetched
      } catch (error) {
        if (attempt === attempts || !isPassing(error)) throw error
        await sleep(Math.min(longestPause, 100 * 3 ** (attempt - 1)), undefined, { signal: options.signal })
      }
      if (attempt === attempts) {
        throw new TidemarkError('corrupt', `${displayName(wanted.path)}: never the whole of it came`)
      }
    }
  } catch (error) {
    // Without a hash nobody could tell later what it is the beginning of.
    if (wanted.hash === undefined) part.remove()
    throw error
  } finally {
    part.close()
  }
}

function isPassing(error: unknown): boolean {
  return isTidemarkError(error, 'unavailable', 'timeout') && systemCode(error.cause) !== 'ECONNREFUSED'
}

const leftMark = 'h-'

/** The files in `into` that may be gone on with. */
export function leftIn(into: DirectoryHandle): ReadonlySet<Name> {
  return new Set(into.names().filter((name) => name.startsWith(leftMark)))
}

function stagedName({ path, hash }: Wanted): Name {
  if (hash === undefined) return `n-${randomBytes(12).toString('hex')}`
  const key = createHash('sha256').update(nameToBytes(path)).update('\0').update(hash)
  return `${leftMark}${key.digest('hex').slice(0, 40)}`
}

/** A file of which some bytes may be there. */
class Part {
  readonly #into: DirectoryHandle
  readonly #wanted: Wanted
  #name: Name | undefined
  #fd: number | undefined
  #hash: Hash = createHash('sha256')
  #length = 0
  /** The state of the file that these bytes are of; undefined when only its hash will tell. */
  #state: string | undefined

  constructor(into: DirectoryHandle, left: ReadonlySet<Name>, wanted: Wanted) {
    this.#into = into
    this.#wanted = wanted
    if (left.size > 0 && left.has(this.#staged)) this.#takeUp()
  }

  get #staged(): Name {
    return (this.#name ??= stagedName(this.#wanted))
  }

  /** Hashes what an earlier process has left. */
  #takeUp(): void {
    const fd = this.#open()
    const { size } = fstatSync(fd)
    if (size > (this.#wanted.size ?? Infinity)) return this.#restart()
    const buffer = Buffer.allocUnsafe(Math.min(size, 1024 * 1024))
    for (let at = 0; at < size;) {
      const read = readSync(fd, buffer, 0, buffer.length, at)
      if (read === 0) break
      this.#hash.update(buffer.subarray(0, read))
      at += read
    }
    this.#length = size
  }

  #open(): number {
    return (this.#fd ??= this.#into.open(this.#staged, O_RDWR | O_CREAT | O_APPEND, 0o600))
  }

  #restart(): void {
    if (this.#fd !== undefined) ftruncateSync(this.#fd, 0)
    this.#hash = createHash('sha256')
    this.#length = 0
    this.#state = undefined
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  remove(): void {
    if (this.#fd === undefined) return
    this.close()
    try {
      unlinkSync(this.#into.path(this.#staged))
    } catch {
      // It was never made.
    }
  }

  /** One request. Undefined when it has to be asked again, from the beginning. */
  async get({ client, throttle, address }: HttpSource, options: FetchOptions): Promise<Fetched | undefined> {
    const { signal, onBytes } = options
    const wanted = this.#wanted
    if (this.#length > 0 && this.#length === wanted.size) return this.#answer(undefined)
    const answer = await client.get(address.urlOf(wanted.path), this.#headers(), { signal })
    const early = this.#look(answer)
    if (early !== undefined) {
      answer.skip()
      return early === 'again' ? undefined : early
    }
    this.#state = stateOf(answer.headers)
    const limit = wanted.size ?? Infinity
    const expected = lengthOf(answer.headers)
    const small: Uint8Array[] = []
    const gather = this.#length === 0 && expected !== undefined && expected <= smallFile
    let received = 0
    try {
      for await (const piece of answer.body) {
        await throttle.take(piece.length, signal)
        onBytes?.(piece.length)
        received += piece.length
        if (this.#length + piece.length > limit) {
          throw new TidemarkError('corrupt', `${displayName(wanted.path)}: more came than the index tells`)
        }
        this.#hash.update(piece)
        this.#length += piece.length
        if (gather) small.push(piece)
        else writeFully(this.#open(), piece)
      }
    } catch (error) {
      if (gather) this.#restart()
      throw error instanceof TidemarkError ? error : httpFailure(error, address.host, signal)
    } finally {
      answer.giveUp()
    }
    if (expected !== undefined && received < expected) {
      if (gather) this.#restart()
      return undefined
    }
    const mtimeNs = mtimeOf(answer.headers)
    if (!gather) return this.#answer(mtimeNs)
    const content = small.length === 1 ? small[0]! : Buffer.concat(small)
    return { wanted, outcome: 'content', content, hash: this.#hash.digest(), mtimeNs }
  }

  #headers(): Record<string, string> {
    const { have } = this.#wanted
    if (this.#length === 0) {
      if (have === undefined) return {}
      return { 'if-modified-since': new Date(Number(have.mtimeNs / 1_000_000n)).toUTCString() }
    }
    const tag = strongTag(this.#state)
    return { range: `bytes=${this.#length}-`, ...(tag === undefined ? {} : { 'if-range': tag }) }
  }

  /** What the head of an answer says already; undefined when its body is to be read. */
  #look(answer: HttpAnswer): Fetched | 'again' | undefined {
    const { status, headers } = answer
    const wanted = this.#wanted
    if (status === 304) return { wanted, outcome: 'same' }
    if (status === 404 || status === 410) return { wanted, outcome: 'missing' }
    if (status === 416 && this.#length > 0) {
      this.#restart()
      return 'again'
    }
    if (status !== 200 && status !== 206) throw refused(answer, 'the server', wanted.path)
    refuseEncoding(headers, wanted.path)
    if (status === 206) {
      const range = contentRange(headers)
      const isOther = this.#state !== undefined && stateOf(headers) !== this.#state
      if (range?.start === this.#length && !isOther) return undefined
      answer.giveUp()
      this.#restart()
      return 'again'
    }
    if (this.#length > 0) this.#restart()
    const { have } = wanted
    // A server that heeds no conditions.
    if (have !== undefined && lengthOf(headers) === have.size && mtimeOf(headers) === have.mtimeNs) {
      answer.giveUp()
      return { wanted, outcome: 'same' }
    }
    return undefined
  }

  #answer(mtimeNs: bigint | undefined): Fetched {
    // Of an empty file nothing has come, and nothing been made.
    this.#open()
    return {
      wanted: this.#wanted,
      outcome: 'file',
      staged: [this.#staged],
      hash: this.#hash.copy().digest(),
      mtimeNs,
    }
  }
}
