import { corrupt } from '../../errors.ts'
import { maxPayload } from './limits.ts'

/** What a frame is for. Types that are not listed end the connection: new ones come with a new version only. */
export const frameTypes = {
  open: 1,
  data: 2,
  credit: 3,
  reset: 4,
  ping: 5,
  pong: 6,
  goodbye: 7,
  end: 8,
} as const

export type FrameType = (typeof frameTypes)[keyof typeof frameTypes]

/** The last frame of its sender on this channel, as `end` is. Of `open` and `data`. */
export const endFlag = 1
/** The message goes on in the sender's next frame of data on this channel. Of `data`. */
export const moreFlag = 2

export interface Frame {
  readonly type: FrameType
  readonly flags: number
  /** 0 for what concerns the whole connection. */
  readonly channel: number
  readonly payload: Uint8Array
}

export const headerLength = 12

/** Writes the header of a frame at `at`: length, channel, type, flags, two zeros. */
export function putHeader(into: Buffer, at: number, frame: Frame): void {
  into.writeUInt32LE(frame.payload.length, at)
  into.writeUInt32LE(frame.channel, at + 4)
  into.writeUInt8(frame.type, at + 8)
  into.writeUInt8(frame.flags, at + 9)
  into.writeUInt16LE(0, at + 10)
}

const allowedFlags: Readonly<Record<FrameType, number>> = {
  [frameTypes.open]: endFlag,
  [frameTypes.data]: endFlag | moreFlag,
  [frameTypes.credit]: 0,
  [frameTypes.reset]: 0,
  [frameTypes.ping]: 0,
  [frameTypes.pong]: 0,
  [frameTypes.goodbye]: 0,
  [frameTypes.end]: 0,
}
const ofConnection: ReadonlySet<number> = new Set([frameTypes.ping, frameTypes.pong, frameTypes.goodbye])

type Header = Omit<Frame, 'payload'> & { readonly length: number }

/** Throws `corrupt` for what is no header. */
function readHeader(bytes: Buffer, at: number): Header {
  const length = bytes.readUInt32LE(at)
  const channel = bytes.readUInt32LE(at + 4)
  const type = bytes.readUInt8(at + 8)
  const flags = bytes.readUInt8(at + 9)
  const allowed = allowedFlags[type as FrameType] as number | undefined
  if (allowed === undefined) throw corrupt('wire', `a frame of unknown type ${type}`)
  if (length > maxPayload) throw corrupt('wire', `a frame of ${length} bytes`)
  if ((flags & ~allowed) !== 0 || flags === (endFlag | moreFlag) || bytes.readUInt16LE(at + 10) !== 0) {
    throw corrupt('wire', `a frame of type ${type} with flags ${flags}`)
  }
  if ((channel === 0) !== ofConnection.has(type)) {
    throw corrupt('wire', `a frame of type ${type} on channel ${channel}`)
  }
  return { type: type as FrameType, flags, channel, length }
}

/**
 * Cuts a stream of bytes into frames, however it was chopped on its way. Holds one frame at most: payloads that
 * come in one piece are views of it.
 */
export class FrameReader {
  readonly #header = Buffer.alloc(headerLength)
  #headerFilled = 0
  #current: Header | undefined
  #payload = Buffer.alloc(0)
  #filled = 0

  /** True between two frames. */
  get isBetween(): boolean {
    return this.#headerFilled === 0 && this.#current === undefined
  }

  /** The frames that `chunk` completes. Throws `corrupt`. */
  *read(chunk: Uint8Array): Generator<Frame, void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    let at = 0
    for (;;) {
      if (this.#current === undefined) {
        if (this.#headerFilled === 0 && bytes.length - at >= headerLength) {
          this.#current = readHeader(bytes, at)
          at += headerLength
        } else {
          const copied = bytes.copy(this.#header, this.#headerFilled, at)
          at += copied
          this.#headerFilled += copied
          if (this.#headerFilled < headerLength) return
          this.#headerFilled = 0
          this.#current = readHeader(this.#header, 0)
        }
        this.#filled = 0
      }
      const { type, flags, channel, length } = this.#current
      if (this.#filled === 0 && bytes.length - at >= length) {
        this.#current = undefined
        yield { type, flags, channel, payload: bytes.subarray(at, at + length) }
        at += length
        continue
      }
      if (this.#filled === 0) this.#payload = Buffer.allocUnsafeSlow(length)
      const copied = bytes.copy(this.#payload, this.#filled, at)
      at += copied
      this.#filled += copied
      if (this.#filled < length) return
      this.#current = undefined
      yield { type, flags, channel, payload: this.#payload }
    }
  }
}
