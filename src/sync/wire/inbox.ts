import { release } from '../../bytes/release.ts'
import { corrupt, TidemarkError } from '../../errors.ts'
import { moreFlag } from './frame.ts'
import { frameCost, maxPayload } from './limits.ts'

export interface InboxOptions {
  /** Credit that this side gives: bytes that may be on their way or wait to be read. */
  readonly window: number
  /** The largest message that this side takes. */
  readonly largest: number
}

/**
 * What has come on a channel and has not been read. The other side may send as long as it has credit; reading
 * gives it back. The parts of a message that is not whole yet cost none, so that one larger than the window comes
 * through: memory is bounded by the window and the largest message together.
 */
export class Inbox {
  readonly #window: number
  readonly #largest: number
  readonly #messages: { readonly bytes: Uint8Array; readonly cost: number }[] = []
  #parts: Uint8Array[] = []
  #partBytes = 0
  #partCost = 0
  /** Cost of the messages that wait. */
  #held = 0
  /** What the other side may still send. */
  #allowed: number
  #wake: (() => void) | undefined

  /** `given`: the credit that the other side has from the beginning. */
  constructor(options: InboxOptions, given: number) {
    this.#window = options.window
    this.#largest = options.largest
    this.#allowed = given
  }

  get has(): boolean {
    return this.#messages.length > 0
  }

  /** Resolves when something has changed. */
  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  take(): Uint8Array {
    const { bytes, cost } = this.#messages.shift()!
    this.#held -= cost
    return bytes
  }

  /** Takes in a frame; `drop`s it when nobody is going to read. Throws `limit` for what must not have been sent. */
  put(payload: Uint8Array, flags: number, drop: boolean): void {
    const cost = payload.length + frameCost
    if (cost > this.#allowed) throw new TidemarkError('limit', 'wire: data beyond the credit that was given')
    this.#allowed -= cost
    if (drop) return
    this.#partBytes += payload.length
    this.#partCost += cost
    if (this.#partBytes > this.#largest) {
      throw new TidemarkError('limit', `wire: a message of more than ${this.#largest} bytes`)
    }
    const isWhole = (flags & moreFlag) === 0
    if (!isWhole && payload.length === 0) throw corrupt('wire', 'an empty piece of a message')
    this.#parts.push(owned(payload))
    if (!isWhole) return
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : joined(this.#parts)
    this.#messages.push({ bytes, cost: this.#partCost })
    this.#held += this.#partCost
    this.#clearParts()
    this.wake()
  }

  /** Whether the other side ended within a message. */
  get isWithin(): boolean {
    return this.#parts.length > 0
  }

  /** The credit to be given now: 0 as long as it is too little to be worth a frame. */
  get owed(): number {
    const owed = this.#window - this.#allowed - this.#held
    return owed >= Math.min(this.#window / 4, maxPayload) ? owed : 0
  }

  granted(credit: number): void {
    this.#allowed += credit
  }

  /** Forgets everything: nobody is going to read. */
  close(): void {
    this.#messages.length = 0
    this.#held = 0
    this.#clearParts()
    this.wake()
  }

  #clearParts(): void {
    this.#parts = []
    this.#partBytes = 0
    this.#partCost = 0
  }
}

/** A small payload is copied, so that it does not keep alive the large piece that it came in. */
function owned(payload: Uint8Array): Uint8Array {
  return payload.length * 4 < payload.buffer.byteLength ? new Uint8Array(payload) : payload
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = Buffer.concat(parts)
  // Those that came in several pieces have memory of their own; the others are parts of such a piece.
  for (const part of parts) if (part.byteLength === part.buffer.byteLength) release(part)
  return all
}
