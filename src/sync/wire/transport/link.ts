import type { Duplex } from 'node:stream'
import { Connection, type ConnectionOptions } from '../connection.ts'
import { usualQuiet } from '../keep-alive.ts'

/** A stream to another side, and what is known of that by how it was made. */
export interface Link {
  readonly stream: Duplex
  /** For messages. */
  readonly name: string
  /** Whether this side began it. */
  readonly isDialler: boolean
  /** Both sides are on one machine: compressing costs more than it saves. */
  readonly isNear: boolean
  /** SHA-256 of the other side's certificate, 64 hexadecimal digits: proven. */
  readonly fingerprint?: string | undefined
  /** How long the other side may take to begin, when not the usual. Milliseconds. */
  readonly greeting?: number | undefined
}

export type LinkOptions = Pick<ConnectionOptions, 'time' | 'sendRate' | 'receiveRate'>

export function connectionOver(link: Link, options: LinkOptions = {}): Connection {
  const { stream, name, isDialler, greeting = usualQuiet.greeting } = link
  return new Connection(stream, { ...options, name, isDialler, quiet: { ...usualQuiet, greeting } })
}
