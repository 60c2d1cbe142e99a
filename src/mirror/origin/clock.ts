import { epochOfMicroseconds, type Producer } from '../../recent/index.ts'
import { version } from '../../version.ts'

/**
 * The system's clock, which tells milliseconds; the finer digits are only so that two looks differ. Who needs
 * epochs that grow sees to that himself, whatever a clock does.
 */
export const systemProducer: Producer = {
  now: () =>
    epochOfMicroseconds(BigInt(Date.now()) * 1000n + BigInt(Math.floor((performance.now() * 1000) % 1000))),
  names: { $0: 'tidemark', Tidemark: version },
}
