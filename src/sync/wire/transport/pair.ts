import { duplexPair, type Duplex } from 'node:stream'

/** The two ends of a stream within this process. */
export function streamPair(): [Duplex, Duplex] {
  return duplexPair()
}
