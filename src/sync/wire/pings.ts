import { corrupt } from '../../errors.ts'
import { frameTypes, type Frame } from './frame.ts'
import type { FrameSource } from './outgoing.ts'

const length = 8

/** The pings and pongs that are to be sent. */
export class Pings implements FrameSource {
  #asks = false
  #pong: Uint8Array | undefined

  ask(): void {
    this.#asks = true
  }

  /** Takes in a ping. Only the last one is answered when several come at once: answers cannot pile up. */
  answer(payload: Uint8Array): void {
    Pings.check(payload)
    this.#pong = new Uint8Array(payload)
  }

  static check(payload: Uint8Array): void {
    if (payload.length !== length) throw corrupt('wire', 'a bad ping')
  }

  urgent(): Frame | undefined {
    const pong = this.#pong
    if (pong !== undefined) {
      this.#pong = undefined
      return { type: frameTypes.pong, flags: 0, channel: 0, payload: pong }
    }
    if (!this.#asks) return undefined
    this.#asks = false
    return { type: frameTypes.ping, flags: 0, channel: 0, payload: new Uint8Array(length) }
  }

  data(): undefined {
    return undefined
  }
}
