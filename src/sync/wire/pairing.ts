import { createHash, randomBytes } from 'node:crypto'
import { compareBytes } from '../../bytes/compare.ts'
import { fromHex } from '../../bytes/hex.ts'
import { nameToBytes } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { corrupt, isTidemarkError, TidemarkError } from '../../errors.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Call } from './call.ts'
import type { Channel } from './channel.ts'
import type { Connection } from './connection.ts'

/**
 * Two machines that do not know each other are introduced by a person who sees both: both show a code of six
 * digits, which is the same only if nobody is in between. The scheme is the numeric comparison of Bluetooth
 * (Core Specification, Vol. 2 Part H, 7.2.1) and of ZRTP (RFC 6189, 4.4.1): the code is made of both certificates and of
 * a number from each side, and the side that began has bound itself to its number before it saw the other's. So
 * somebody in between cannot search for numbers that give both the same code; he has one guess in a million each time.
 */
export interface PairOptions extends CallOptions {
  /** Fingerprints of this side's certificate, and of the one that the connection has met. */
  readonly own: string
  readonly other: string
  readonly isDialler: boolean
  /** What people call this machine. */
  readonly host: string
  /**
   * Shows the code, and resolves with whether the other side shows the same one. The signal is aborted when nobody
   * needs the answer any more.
   */
  readonly confirm: (code: string, host: string, signal: AbortSignal) => Promise<boolean>
}

/** The other machine, to be known by its fingerprint from now on. */
export interface Paired {
  readonly fingerprint: string
  /** What it calls itself: for people only. */
  readonly host: string
}

const version = 1
const nonceLength = 32
const hashLength = 32
const maxHost = 1024
const [yes, no] = [1, 0]

/**
 * Resolves when the persons on both sides have confirmed. Rejects `denied` when either has not, or when the other side
 * did not keep to its number: then somebody is likely to be in between. End the connection afterwards.
 */
export async function pair(connection: Connection, options: PairOptions): Promise<Paired> {
  return options.isDialler ? dial(connection, options) : answer(connection, options)
}

async function dial(connection: Connection, options: PairOptions): Promise<Paired> {
  const { own, other, host, signal } = options
  const nonce = randomBytes(nonceLength)
  const begin = new Writer()
    .varint(version)
    .raw(commitment(own, other, nonce))
    .prefixed(hostBytes(host))
  const channel = await connection.call('pair', begin.finish(), { signal })
  const reader = new Reader(await next(channel), 'pairing')
  const theirs = reader.take(nonceLength)
  const theirHost = reader.name(maxHost)
  reader.end()
  await channel.send(nonce)
  const code = codeOf([own, other], [nonce, theirs], [host, theirHost])
  return agree(channel, code, { fingerprint: other, host: theirHost }, options)
}

async function answer(connection: Connection, options: PairOptions): Promise<Paired> {
  const { own, other, host, signal } = options
  const { promise, resolve, reject } = Promise.withResolvers<Paired>()
  let isTaken = false
  connection.serve(async ({ method, parameters, channel }: Call) => {
    if (method !== 'pair') throw new TidemarkError('denied', `${method} was asked for instead of pairing`)
    if (isTaken) throw new TidemarkError('busy', 'one pairing at a time')
    isTaken = true
    try {
      const reader = new Reader(parameters, 'pairing')
      if (reader.varint() !== version) throw new TidemarkError('unsupported', 'another version of pairing')
      const committed = new Uint8Array(reader.take(hashLength))
      const theirHost = reader.name(maxHost)
      reader.end()
      const nonce = randomBytes(nonceLength)
      await channel.send(new Writer().raw(nonce).prefixed(hostBytes(host)).finish())
      const theirs = await next(channel)
      if (theirs.length !== nonceLength || compareBytes(commitment(other, own, theirs), committed) !== 0) {
        throw new TidemarkError(
          'denied',
          'the two sides see different certificates: somebody may be in between',
        )
      }
      const code = codeOf([other, own], [theirs, nonce], [theirHost, host])
      resolve(await agree(channel, code, { fingerprint: other, host: theirHost }, options))
    } catch (error) {
      reject(error)
      throw error
    }
  })
  // What came just before the other side closed is still on its way through promises: the last yes, for one.
  const gone = (): void => void setImmediate(() => reject(connection.signal.reason as Error))
  const stop = (): void =>
    reject(new TidemarkError('cancelled', 'pairing: cancelled', { cause: signal?.reason }))
  connection.signal.addEventListener('abort', gone)
  signal?.addEventListener('abort', stop)
  if (connection.signal.aborted) gone()
  if (signal?.aborted === true) stop()
  try {
    return await promise
  } finally {
    connection.signal.removeEventListener('abort', gone)
    signal?.removeEventListener('abort', stop)
  }
}

/** Both persons are asked; nothing is agreed unless both say yes. */
async function agree(channel: Channel, code: string, paired: Paired, options: PairOptions): Promise<Paired> {
  const over = new AbortController()
  const own = options.confirm(code, paired.host, over.signal).then(async (isSame) => {
    await channel.send(Uint8Array.of(isSame ? yes : no))
    channel.end()
    return isSame
  })
  // Not waited for on this side: a no there ends the question here.
  const theirs = next(channel).then((message) => {
    if (message.length !== 1 || message[0]! > yes) throw corrupt('pairing', 'a bad answer')
    if (message[0] === yes) return
    throw new TidemarkError('denied', 'the other side does not show the same code, or did not want to')
  })
  theirs.catch(() => {})
  try {
    const [isSame] = await Promise.all([own, theirs])
    if (isSame) return paired
  } catch (error) {
    if (!isTidemarkError(error, 'unavailable')) throw error
    const text = `the other side did not confirm the code (${error.message})`
    throw new TidemarkError('unavailable', text, { cause: error })
  } finally {
    over.abort()
  }
  throw new TidemarkError('denied', 'the codes were not confirmed to be the same')
}

async function next(channel: Channel): Promise<Uint8Array> {
  const message = await channel.receive()
  if (message === undefined) throw corrupt('pairing', 'it ended early')
  return message
}

/** What the dialler binds itself by: to its number, and to the certificates that it sees. */
function commitment(dialler: string, listener: string, nonce: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update('tidemark pairing 1 commitment\0')
  return hash.update(fromHex(dialler)!).update(fromHex(listener)!).update(nonce).digest()
}

/** Six digits; of each pair the dialler's comes first. */
function codeOf(
  fingerprints: readonly [string, string],
  nonces: readonly [Uint8Array, Uint8Array],
  hosts: readonly [string, string],
): string {
  const hash = createHash('sha256').update('tidemark pairing 1 code\0')
  for (const fingerprint of fingerprints) hash.update(fromHex(fingerprint)!)
  for (const nonce of nonces) hash.update(nonce)
  for (const host of hosts) hash.update(createHash('sha256').update(hostBytes(host)).digest())
  const number = hash.digest().readBigUInt64BE(0) % 1_000_000n
  return `${number}`.padStart(6, '0')
}

function hostBytes(host: string): Uint8Array {
  return nameToBytes(host.slice(0, maxHost / 4))
}
