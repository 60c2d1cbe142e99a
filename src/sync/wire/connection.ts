import type { Duplex } from 'node:stream'
import { corrupt, fromSystem, systemCode, TidemarkError } from '../../errors.ts'
import type { CallOptions } from '../../store/bucket.ts'
import { cancelled, throwIfCancelled } from '../../store/call.ts'
import { systemTime, type Time } from '../../store/time.ts'
import { decodeCall, encodeCall, type Answer } from './call.ts'
import { ChannelTable } from './channel-table.ts'
import { Channel, type ChannelOwner } from './channel.ts'
import { decodeFailure, encodeFailure } from './failure.ts'
import { endFlag, FrameReader, frameTypes, type Frame } from './frame.ts'
import { keepAlive, usualQuiet, type Quiet } from './keep-alive.ts'
import { maxCredit, maxMessage } from './limits.ts'
import { Outgoing } from './outgoing.ts'
import { pause } from './pause.ts'
import { Pings } from './pings.ts'
import { checkMagic, decodePreamble, encodePreamble, preambleLength, type Preamble } from './preamble.ts'
import type { TokenBucket } from './token-bucket.ts'

export interface ConnectionOptions {
  /** Who is at the other end, for messages. */
  readonly name: string
  /** Whether this side began it. Each end of a stream must be told another. */
  readonly isDialler: boolean
  readonly time?: Time
  /** How long the other side may be silent. */
  readonly quiet?: Quiet
  readonly sendRate?: TokenBucket | undefined
  readonly receiveRate?: TokenBucket | undefined
  /** What this side takes in, when not the usual. */
  readonly preamble?: Preamble
}

export interface OpenOptions extends CallOptions {
  /** Credit for what comes back, when it is to be more than the usual; and the largest message that is taken. */
  readonly window?: number
  readonly largest?: number
}

const usualPreamble: Preamble = { window: 256 * 1024, channels: 64 }
/** How long the last frames may take to be written. */
const farewell = 2000

/**
 * Calls in both directions over one stream of bytes, many at a time (docs/format/wire.md). Memory is bounded by
 * the number of channels and their windows, whatever the other side sends. Whatever goes wrong ends it: all that
 * is under way rejects then, with what the other side said, `corrupt` or `limit` for what it must not have sent,
 * `timeout` when it fell silent, and `unavailable` when it went away.
 */
export class Connection {
  readonly name: string
  /** Resolves when the connection has ended: with undefined when either side closed it, else with what went wrong. */
  readonly closed: Promise<TidemarkError | undefined>
  /** Bytes that came, and that went. */
  received = 0
  readonly #duplex: Duplex
  readonly #outgoing: Outgoing
  readonly #time: Time
  readonly #here: Preamble
  readonly #receiveRate: TokenBucket | undefined
  readonly #reader = new FrameReader()
  readonly #channels: ChannelTable
  /** What is being answered. Never rejects. */
  readonly #answers = new Set<Promise<void>>()
  readonly #over = new AbortController()
  readonly #owner: ChannelOwner
  readonly #pings = new Pings()
  #there: Preamble | undefined
  #start: Buffer = Buffer.alloc(0)
  #answer: Answer | undefined
  #heardAt: number
  #error: TidemarkError | undefined
  #settle!: (error: TidemarkError | undefined) => void

  constructor(duplex: Duplex, options: ConnectionOptions) {
    const { name, isDialler, time = systemTime, quiet = usualQuiet, preamble = usualPreamble } = options
    this.name = name
    this.#duplex = duplex
    this.#time = time
    this.#here = preamble
    this.#receiveRate = options.receiveRate
    this.#outgoing = new Outgoing(duplex, time, options.sendRate)
    this.#channels = new ChannelTable(isDialler, preamble.channels)
    this.#heardAt = time.now()
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#owner = {
      announce: (channel) => this.#channels.announce(channel),
      hurry: (channel) => this.#outgoing.hurry(channel),
      ready: (channel) => this.#outgoing.ready(channel),
      over: (channel) => this.#channels.forget(channel),
    }
    duplex.on('data', (chunk: Buffer) => this.#heard(chunk))
    duplex.on('end', () => this.#gone())
    duplex.on('close', () => this.#gone())
    duplex.on('error', (error) => this.#broken(error))
    duplex.write(encodePreamble(preamble))
    void keepAlive(quiet, time, this.#over.signal, {
      name,
      heardAt: () => this.#heardAt,
      isGreeted: () => this.#there !== undefined,
      ping: () => this.#ping(),
      fail: (error) => this.#fail(error),
    })
  }

  /** Answers calls of the other side from now on. Until then they are `unsupported`. */
  serve(answer: Answer): void {
    this.#answer = answer
  }

  get sent(): number {
    return this.#outgoing.sent
  }

  /** What goes to the other side goes more quickly than it could be compressed, as far as that has shown. */
  get isFast(): boolean {
    return this.#outgoing.isFast
  }

  /** Aborted when the connection ends. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /**
   * Begins a call. What follows is said on the channel; the caller ends it. When `signal` is aborted it is reset,
   * and rejects `cancelled`.
   */
  async call(method: string, parameters: Uint8Array, options: OpenOptions = {}): Promise<Channel> {
    const { signal, window = this.#here.window, largest = maxMessage } = options
    const doing = `${this.name}: ${method}`
    throwIfCancelled(signal, doing)
    while (this.#error === undefined && this.#channels.isFull) {
      await this.#channels.place(signal)
      if (signal?.aborted === true) this.#channels.wakeNext()
      throwIfCancelled(signal, doing)
    }
    if (this.#channels.isUsedUp) this.#fail(new TidemarkError('unavailable', `${this.name}: out of channels`))
    if (this.#error !== undefined) throw this.#error
    const credit = { here: this.#there?.window ?? 0, there: this.#here.window }
    const channel = new Channel(this.#owner, { window, largest, credit }, encodeCall(method, parameters))
    const stop = (): void => channel.reset(cancelled(signal!, doing))
    signal?.addEventListener('abort', stop)
    this.#channels.addOwn(channel, () => signal?.removeEventListener('abort', stop))
    return channel
  }

  /**
   * Says goodbye: calls that are under way reject `unavailable` on both sides. Resolves when all is over, which is
   * soon, whatever the other side does.
   */
  async close(): Promise<void> {
    this.#end(new TidemarkError('unavailable', `${this.name}: the connection was closed here`), true)
    await this.closed
  }

  /** Resolves when nothing is being answered here: after `closed` what answers need can be let go. */
  async settled(): Promise<void> {
    while (this.#answers.size > 0) await Promise.all(this.#answers)
  }

  /** Ends the connection for what the other side has done; `error` is told to it. */
  fail(error: TidemarkError): void {
    this.#fail(error)
  }

  // What comes.

  #heard(chunk: Buffer): void {
    if (this.#error !== undefined) return
    this.#heardAt = this.#time.now()
    this.received += chunk.length
    this.#slowDown(chunk.length)
    try {
      for (const frame of this.#reader.read(this.#greeted(chunk))) {
        this.#frame(frame)
        if (this.#error !== undefined) return
      }
    } catch (error) {
      const { code, message } = fromSystem(error, 'what was received')
      this.#fail(new TidemarkError(code, `${this.name}: ${message}`, { cause: error }))
    }
  }

  #slowDown(bytes: number): void {
    const wait = this.#receiveRate?.take(bytes) ?? 0
    if (wait <= 0) return
    this.#duplex.pause()
    void this.#resumeAfter(wait)
  }

  async #resumeAfter(milliseconds: number): Promise<void> {
    await pause(this.#time, milliseconds, this.#over.signal)
    this.#duplex.resume()
  }

  /** What is left of `chunk` behind the preamble. */
  #greeted(chunk: Buffer): Buffer {
    if (this.#there !== undefined) return chunk
    this.#start = Buffer.concat([this.#start, chunk])
    if (this.#start.length < preambleLength) {
      checkMagic(this.#start)
      return Buffer.alloc(0)
    }
    const rest = this.#start.subarray(preambleLength)
    this.#there = decodePreamble(this.#start)
    this.#start = Buffer.alloc(0)
    for (const channel of this.#channels.all) channel.grant(this.#there.window)
    this.#channels.places = this.#there.channels
    return rest
  }

  #frame(frame: Frame): void {
    const { type, channel: id, payload, flags } = frame
    if (type === frameTypes.ping || type === frameTypes.pong) return this.#pinged(frame)
    if (type === frameTypes.goodbye) return this.#farewell(payload)
    if (type === frameTypes.open) return this.#opened(frame)
    const channel = this.#channels.get(id)
    if (channel === undefined) return this.#channels.checkLate(frame)
    if (type === frameTypes.data) return channel.take(payload, flags)
    if (type === frameTypes.end) return channel.close()
    if (type === frameTypes.credit) {
      if (payload.length !== 4) throw corrupt('wire', 'a bad credit')
      const credit = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true)
      if (channel.credit + credit > maxCredit) throw corrupt('wire', 'more credit than there can be')
      return channel.grant(credit)
    }
    channel.stopped(decodeFailure(payload, this.name))
  }

  #opened({ channel: id, payload, flags }: Frame): void {
    this.#channels.checkOther(id)
    const { method, parameters } = decodeCall(payload)
    const credit = { here: this.#there!.window, there: this.#here.window }
    const channel = new Channel(this.#owner, { window: this.#here.window, largest: maxMessage, credit })
    channel.id = id
    this.#channels.addOther(channel)
    if ((flags & endFlag) !== 0) channel.close()
    const answer = this.#serve({ method, parameters: new Uint8Array(parameters), channel })
    this.#answers.add(answer)
    void answer.finally(() => this.#answers.delete(answer))
  }

  async #serve(call: Parameters<Answer>[0]): Promise<void> {
    const { channel, method } = call
    try {
      if (this.#answer === undefined) throw new TidemarkError('unsupported', `nobody here answers ${method}`)
      await this.#answer(call)
      channel.end()
    } catch (error) {
      channel.reset(fromSystem(error, method))
    }
    channel.leave()
  }

  #pinged({ type, payload }: Frame): void {
    if (type === frameTypes.pong) return Pings.check(payload)
    this.#pings.answer(payload)
    this.#outgoing.hurry(this.#pings)
  }

  #farewell(payload: Uint8Array): void {
    if (payload.length === 0) {
      this.#end(new TidemarkError('unavailable', `${this.name}: the other side closed the connection`), true)
    } else {
      this.#end(decodeFailure(payload, this.name), false)
    }
  }

  // How it ends.

  #gone(): void {
    this.#fail(new TidemarkError('unavailable', `${this.name}: the connection ended unexpectedly`))
  }

  #broken(error: unknown): void {
    const code = systemCode(error)
    const isGone = code === 'ECONNRESET' || code === 'EPIPE' || code === undefined
    const known = fromSystem(error, this.name)
    this.#fail(
      isGone && known.code === 'failed'
        ? new TidemarkError('unavailable', known.message, { cause: error })
        : known,
    )
  }

  #fail(error: TidemarkError): void {
    this.#end(error, false)
  }

  #end(error: TidemarkError, isClean: boolean): void {
    if (this.#error !== undefined) return
    this.#error = error
    this.#over.abort(error)
    // Answers that have been given still go out.
    for (const channel of this.#channels.all) if (!isClean || !channel.isEnding) channel.fail(error)
    this.#channels.wakeAll()
    const payload = isClean ? new Uint8Array(0) : encodeFailure(error)
    this.#outgoing.finish({ type: frameTypes.goodbye, flags: 0, channel: 0, payload })
    void this.#leave(isClean ? undefined : error)
  }

  /**
   * Gives the last frames some time, then lets go of the stream. To close TCP with bytes unread would take back
   * what was sent, so what comes is read, for nobody, until the other side has ended too.
   */
  async #leave(error: TidemarkError | undefined): Promise<void> {
    const left = new AbortController()
    const done = (): void => left.abort()
    this.#duplex.once('close', done)
    this.#duplex.resume()
    if (this.#duplex.destroyed) done()
    await pause(this.#time, farewell, left.signal)
    this.#outgoing.stop()
    for (const channel of this.#channels.all) channel.fail(this.#error!)
    this.#duplex.destroy()
    this.#settle(error)
  }

  #ping(): void {
    this.#pings.ask()
    this.#outgoing.hurry(this.#pings)
  }
}
