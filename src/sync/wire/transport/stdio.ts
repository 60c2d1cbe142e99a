import { Socket } from 'node:net'
import { fromSystem } from '../../../errors.ts'
import { JoinedStream } from './joined-stream.ts'
import type { Link } from './link.ts'

/**
 * The stream of a program that is spoken to by its standard input and output, which must be pipes or sockets.
 * Opened anew: what Node offers for the output waits for the reader with the whole process.
 */
export function stdioLink(input = 0, output = 1): Link {
  try {
    const readable = new Socket({ fd: input, readable: true, writable: false })
    const writable = new Socket({ fd: output, readable: false, writable: true })
    const stream = new JoinedStream(readable, writable)
    return { stream, name: 'caller', isDialler: false, isNear: false }
  } catch (error) {
    throw fromSystem(error, 'the standard input and output are not pipes')
  }
}
