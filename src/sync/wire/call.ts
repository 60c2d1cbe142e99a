import { nameFromBytes, nameToBytes } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import type { Channel } from './channel.ts'

/** What the other side asks for: a method and its parameters, and the channel for all that follows. */
export interface Call {
  readonly method: string
  readonly parameters: Uint8Array
  readonly channel: Channel
}

/**
 * Answers a call by messages on its channel. When it resolves the channel is ended, when it rejects the other side
 * gets the error. It should stop when `call.channel.signal` is aborted.
 */
export type Answer = (call: Call) => Promise<void>

const maxMethod = 64

/** The payload that opens a channel. */
export function encodeCall(method: string, parameters: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Writer(64).prefixed(nameToBytes(method)).raw(parameters).finish()
}

/** Throws `corrupt`. */
export function decodeCall(payload: Uint8Array): Pick<Call, 'method' | 'parameters'> {
  const reader = new Reader(payload, 'call')
  const method = nameFromBytes(reader.prefixed(maxMethod))
  return { method, parameters: reader.take(reader.remaining) }
}
