import type { Duplex } from 'node:stream'
import type { Time } from '../../store/time.ts'
import { headerLength, putHeader, type Frame } from './frame.ts'
import { maxPayload } from './limits.ts'
import { Pace } from './pace.ts'
import { pause } from './pause.ts'
import type { TokenBucket } from './token-bucket.ts'

/** Whatever has frames to send: asked for the next one when there is room for it. */
export interface FrameSource {
  /** The next frame that nothing may hold up; undefined when there is none. */
  urgent(): Frame | undefined
  /** The next frame of data, with at most `most` bytes of payload; undefined when there is none just now. */
  data(most: number): Frame | undefined
}

/** Frames are gathered up to about so many bytes and written at once. */
const batchSize = 128 * 1024
/** Payloads up to this size are copied together: a piece of its own costs the system more than the copy. */
const copiedSize = 8 * 1024
/** A rate is kept with pieces of about 1/50 second, but not with smaller ones than this. */
const leastPiece = 2048

/**
 * Writes the frames of many sources to one stream, in turn, many in one write. It takes a frame only when it can
 * be written, so what waits stays with its source, and memory is bounded by what the sources hold.
 */
export class Outgoing {
  readonly #duplex: Duplex
  readonly #rate: TokenBucket | undefined
  readonly #time: Time
  readonly #urgent = new Set<FrameSource>()
  readonly #data = new Set<FrameSource>()
  readonly #piece: number
  readonly #stop: AbortController = new AbortController()
  /** Bytes written. */
  sent = 0
  readonly #pace = new Pace()
  #running = false
  #last: Frame | undefined

  constructor(duplex: Duplex, time: Time, rate?: TokenBucket) {
    this.#duplex = duplex
    this.#time = time
    this.#rate = rate
    const allowed = rate === undefined ? batchSize : Math.max(leastPiece, rate.bytesPerSecond / 50)
    this.#piece = Math.min(batchSize, allowed)
  }

  /** The stream takes all more quickly than it could be compressed. */
  get isFast(): boolean {
    return this.#pace.isFast
  }

  /** `source` has something urgent. */
  hurry(source: FrameSource): void {
    this.#urgent.add(source)
    this.#wake()
  }

  /** `source` has data. */
  ready(source: FrameSource): void {
    this.#data.add(source)
    this.#wake()
  }

  /** Sends what can be sent, then `frame`, and ends the stream. */
  finish(frame: Frame): void {
    this.#last ??= frame
    this.#wake()
  }

  /** Writes nothing any more. */
  stop(): void {
    this.#stop.abort()
    this.#urgent.clear()
    this.#data.clear()
  }

  /** Waits until all that became ready in this turn of the event loop is there. */
  #wake(): void {
    if (this.#running) return
    this.#running = true
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted && !this.#duplex.writableEnded && !this.#duplex.destroyed) {
      const frames = this.#gather()
      if (frames.length === 0) {
        this.#running = false
        return
      }
      const bytes = frames.reduce((sum, { payload }) => sum + headerLength + payload.length, 0)
      const begun = this.#time.now()
      await pause(this.#time, this.#rate?.take(bytes) ?? 0, this.#stop.signal)
      this.sent += bytes
      if (!this.#write(frames)) await this.#drained()
      this.#pace.note(bytes, this.#time.now() - begun)
      if (frames.at(-1) === this.#last) this.#duplex.end()
    }
  }

  #gather(): Frame[] {
    const frames: Frame[] = []
    let room = this.#piece
    const add = (frame: Frame): void => {
      frames.push(frame)
      room -= headerLength + frame.payload.length
    }
    for (const source of this.#urgent) {
      for (let frame = source.urgent(); frame !== undefined; frame = source.urgent()) add(frame)
      this.#urgent.delete(source)
      if (room <= 0) return frames
    }
    for (const source of this.#data) {
      const frame = source.data(Math.min(maxPayload, this.#piece))
      // To the end of the row, so that each has its turn. The loop goes on with what is added.
      this.#data.delete(source)
      if (frame === undefined) continue
      this.#data.add(source)
      add(frame)
      if (room <= 0) return frames
    }
    if (this.#last !== undefined) add(this.#last)
    return frames
  }

  /** False when the stream wants no more for now. */
  #write(frames: readonly Frame[]): boolean {
    let copied = 0
    for (const { payload } of frames) {
      copied += headerLength + (payload.length <= copiedSize ? payload.length : 0)
    }
    const copy = Buffer.allocUnsafe(copied)
    let wantsMore = true
    let [from, to] = [0, 0]
    this.#duplex.cork()
    for (const frame of frames) {
      putHeader(copy, to, frame)
      to += headerLength
      if (frame.payload.length <= copiedSize) {
        copy.set(frame.payload, to)
        to += frame.payload.length
        continue
      }
      this.#duplex.write(copy.subarray(from, to))
      wantsMore = this.#duplex.write(frame.payload)
      from = to
    }
    if (from < to) wantsMore = this.#duplex.write(copy.subarray(from, to))
    this.#duplex.uncork()
    return wantsMore
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of ['drain', 'close', 'error']) this.#duplex.off(event, done)
        this.#stop.signal.removeEventListener('abort', done)
        resolve()
      }
      for (const event of ['drain', 'close', 'error']) this.#duplex.on(event, done)
      this.#stop.signal.addEventListener('abort', done)
      if (this.#duplex.destroyed || !this.#duplex.writableNeedDrain || this.#stop.signal.aborted) done()
    })
  }
}
