import { chmodSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { fromSystem, systemCode, TidemarkError } from '../../../errors.ts'
import type { CallOptions } from '../../../store/bucket.ts'
import { listening, opened } from './opening.ts'
import type { Link } from './link.ts'

/** Who listens, until he stops. */
export interface Listener {
  /** Closes the door; links that were made go on. */
  close(): void
}

/** A stream to whoever listens at a socket of this machine. */
export async function connectUnix(path: string, options: CallOptions = {}): Promise<Link> {
  const stream = connect(path)
  await opened(stream, 'connect', path, options)
  return { stream, name: path, isDialler: true, isNear: true }
}

/**
 * Listens at a socket that the user alone may use. One that a dead process has left is replaced; rejects `busy`
 * when somebody listens there.
 */
export async function listenUnix(path: string, onLink: (link: Link) => void): Promise<Listener> {
  await clear(path)
  const server: Server = createServer((stream: Socket) => {
    onLink({ stream, name: 'local caller', isDialler: false, isNear: true })
  })
  await listening(server, path, () => server.listen(path))
  chmodSync(path, 0o600)
  return {
    close: () => void server.close(),
  }
}

async function clear(path: string): Promise<void> {
  try {
    const { stream } = await connectUnix(path)
    stream.destroy()
  } catch (error) {
    const cause = error instanceof Error ? systemCode(error.cause) : undefined
    if (cause === 'ENOENT') return
    if (cause !== 'ECONNREFUSED') throw error
    try {
      unlinkSync(path)
    } catch (error) {
      throw fromSystem(error, `remove ${path}`)
    }
    return
  }
  throw new TidemarkError('busy', `${path}: somebody listens there`)
}
