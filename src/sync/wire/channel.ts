import { corrupt, TidemarkError } from '../../errors.ts'
import { encodeFailure } from './failure.ts'
import { endFlag, frameTypes, moreFlag, type Frame } from './frame.ts'
import { Inbox, type InboxOptions } from './inbox.ts'
import { frameCost } from './limits.ts'
import type { FrameSource } from './outgoing.ts'

/** What a channel needs of its connection. */
export interface ChannelOwner {
  /** The number of a channel that is being announced. */
  announce(channel: Channel): number
  hurry(channel: Channel): void
  ready(channel: Channel): void
  /** Both sides have sent their last frame. */
  over(channel: Channel): void
}

export interface ChannelOptions extends InboxOptions {
  /** Credit that each side has at first. */
  readonly credit: { readonly here: number; readonly there: number }
}

/** `send` waits when so many bytes are waiting already. */
const enoughQueued = 256 * 1024
/** A piece of a message is not smaller than this, unless it is the last one. */
const leastPiece = 4096

const nothing = new Uint8Array(0)

/**
 * One exchange of messages between the two sides of a connection. Messages keep their order and their bounds;
 * each is a string of bytes, which may be empty.
 *
 * A channel is over when each side has sent its last frame: the end of its messages, or a reset. Whoever is reset
 * answers with a last frame of his own, so neither side holds a channel that the other has forgotten.
 */
export class Channel implements FrameSource {
  /** 0 until it has been announced. */
  id = 0
  readonly #owner: ChannelOwner
  readonly #stop = new AbortController()
  readonly #inbox: Inbox
  readonly #queue: Uint8Array[] = []
  #queued = 0
  #waiting: (() => void)[] = []
  /** What has been sent of the first in the queue. */
  #sent = 0
  #credit: number
  #opening: Uint8Array | undefined
  #reset: Uint8Array | undefined
  /** `end` has been called. */
  #ending = false
  /** Its own last frame has been sent. */
  #ended = false
  /** The other's last frame has come, and whether that was the end of its messages. */
  #otherEnded = false
  #otherSaidAll = false
  /** Nobody here has to stop first when it is reset. */
  #isLeft: boolean
  #error: TidemarkError | undefined

  /** With `opening`, the first frame announces it. */
  constructor(owner: ChannelOwner, options: ChannelOptions, opening?: Uint8Array) {
    this.#owner = owner
    this.#inbox = new Inbox(options, options.credit.there)
    this.#credit = options.credit.here
    this.#opening = opening
    this.#isLeft = opening !== undefined
    if (this.#inbox.owed > 0 || opening !== undefined) owner.hurry(this)
  }

  /** Aborted, with its error as the reason, when the other side resets the channel or the connection ends. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** All has been said from this side, though perhaps not sent. */
  get isEnding(): boolean {
    return this.#ending && this.#error === undefined
  }

  /** Why it ended early, if it did. */
  get error(): TidemarkError | undefined {
    return this.#error
  }

  /**
   * Sends a message, whose bytes must not change afterwards. Resolves when there is room for more; rejects with
   * the channel's error.
   */
  async send(message: Uint8Array): Promise<void> {
    this.#throwIfFailed()
    if (this.#ending) throw new TidemarkError('usage', 'a message after the end')
    this.#queue.push(message)
    this.#queued += message.length + frameCost
    this.#owner.ready(this)
    while (this.#queued > enoughQueued && this.#error === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#throwIfFailed()
  }

  #throwIfFailed(): void {
    if (this.#error !== undefined) throw this.#error
  }

  /** No more messages come from this side. */
  end(): void {
    if (this.#ending || this.#error !== undefined) return
    this.#ending = true
    this.#owner.ready(this)
  }

  /** The next message; undefined after the last. Rejects with the channel's error. One call at a time. */
  async receive(): Promise<Uint8Array | undefined> {
    while (!this.#inbox.has) {
      if (this.#otherSaidAll) return undefined
      this.#throwIfFailed()
      await this.#inbox.more()
    }
    const message = this.#inbox.take()
    this.#giveBack()
    return message
  }

  /** Messages until the other side's end. Leaving early resets the channel. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    let isWhole = false
    try {
      for (;;) {
        const message = await this.receive()
        if (message === undefined) break
        yield message
      }
      isWhole = true
    } finally {
      if (!isWhole) this.reset(new TidemarkError('cancelled', 'no longer wanted'))
    }
  }

  /** Ends the channel early, here and there: all that waits for it rejects with `error`. */
  reset(error: TidemarkError): void {
    if (this.#error !== undefined || (this.#ended && this.#otherEnded)) return
    this.#error = error
    this.#drop(true)
    if (this.#opening === undefined) {
      this.#reset = encodeFailure(error)
      this.#owner.hurry(this)
    } else {
      // What has not been announced is not missed either.
      this.#forget()
    }
  }

  /** The connection has ended. What the other side has said to the end can still be read. */
  fail(error: TidemarkError): void {
    this.#error ??= error
    this.#drop(!this.#otherSaidAll)
    this.#forget()
    this.#stop.abort(this.#error)
  }

  #drop(alsoInbox: boolean): void {
    this.#queue.length = 0
    this.#queued = 0
    if (alsoInbox) this.#inbox.close()
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  #forget(): void {
    this.#opening = undefined
    this.#reset = undefined
    this.#ended = true
    this.#otherEnded = true
    this.#owner.over(this)
  }

  // What comes from the other side.

  /** Throws `limit` for what is beyond its credit or the largest message, `corrupt` after its last frame. */
  take(payload: Uint8Array, flags: number): void {
    if (this.#otherEnded) throw corrupt('wire', 'data after the end of a channel')
    this.#inbox.put(payload, flags, this.#error !== undefined)
    if ((flags & endFlag) !== 0) this.close()
    else this.#giveBack()
  }

  /** The other side has said all. */
  close(): void {
    if (this.#otherEnded) throw corrupt('wire', 'a second end of a channel')
    if (this.#inbox.isWithin) throw corrupt('wire', 'the end of a channel within a message')
    this.#otherEnded = true
    this.#otherSaidAll = this.#error === undefined
    this.#inbox.wake()
    this.#overIfSo()
  }

  /** The other side has reset it. Its own last frame follows when whoever serves it has stopped. */
  stopped(error: TidemarkError): void {
    this.#otherEnded = true
    if (this.#error === undefined) {
      this.#error = error
      this.#otherSaidAll = false
      this.#drop(true)
    }
    this.#stop.abort(this.#error)
    if (this.#isLeft) this.#acknowledge()
    this.#overIfSo()
  }

  /** Whoever served it has stopped. */
  leave(): void {
    this.#isLeft = true
    if (this.#error !== undefined) this.#acknowledge()
  }

  grant(credit: number): void {
    this.#credit += credit
    if (this.#queue.length > 0) this.#owner.ready(this)
  }

  get credit(): number {
    return this.#credit
  }

  /** Sends the last frame of a channel that has been reset, unless it is under way. */
  #acknowledge(): void {
    if (this.#ended || this.#reset !== undefined) return
    this.#reset = encodeFailure(new TidemarkError('cancelled', 'reset'))
    this.#owner.hurry(this)
  }

  #giveBack(): void {
    if (this.#inbox.owed > 0 && !this.#otherEnded && this.#error === undefined) this.#owner.hurry(this)
  }

  #overIfSo(): void {
    if (this.#ended && this.#otherEnded) this.#owner.over(this)
  }

  // What goes to the other side.

  urgent(): Frame | undefined {
    if (this.#opening !== undefined) return this.#open(this.#opening)
    const { owed } = this.#inbox
    if (owed > 0 && !this.#otherEnded && this.#error === undefined) {
      this.#inbox.granted(owed)
      const payload = Buffer.alloc(4)
      payload.writeUInt32LE(owed)
      return { type: frameTypes.credit, flags: 0, channel: this.id, payload }
    }
    if (this.#reset === undefined) return undefined
    const frame = { type: frameTypes.reset, flags: 0, channel: this.id, payload: this.#reset }
    this.#reset = undefined
    this.#last()
    return frame
  }

  #open(payload: Uint8Array): Frame {
    this.#opening = undefined
    this.id = this.#owner.announce(this)
    const isAll = this.#ending && this.#queue.length === 0
    if (isAll) this.#last()
    else if (this.#queue.length > 0) this.#owner.ready(this)
    return { type: frameTypes.open, flags: isAll ? endFlag : 0, channel: this.id, payload }
  }

  data(most: number): Frame | undefined {
    if (this.#opening !== undefined || this.#error !== undefined || this.#ended) return undefined
    const [message] = this.#queue
    if (message === undefined) {
      if (!this.#ending) return undefined
      this.#last()
      return { type: frameTypes.end, flags: 0, channel: this.id, payload: nothing }
    }
    const left = message.length - this.#sent
    const length = Math.min(left, most, this.#credit - frameCost)
    if (length < Math.min(left, leastPiece, most)) return undefined
    const payload = message.subarray(this.#sent, this.#sent + length)
    this.#credit -= length + frameCost
    let flags: number = moreFlag
    if (length < left) {
      this.#sent += length
    } else {
      flags = this.#shift()
    }
    return { type: frameTypes.data, flags, channel: this.id, payload }
  }

  /** Takes the first message off the queue: all of it is sent. Returns the flags of its last frame. */
  #shift(): number {
    this.#queued -= this.#queue.shift()!.length + frameCost
    this.#sent = 0
    if (this.#queued <= enoughQueued) {
      const waiting = this.#waiting
      this.#waiting = []
      for (const wake of waiting) wake()
    }
    if (!this.#ending || this.#queue.length > 0) return 0
    this.#last()
    return endFlag
  }

  #last(): void {
    this.#ended = true
    this.#overIfSo()
  }
}
