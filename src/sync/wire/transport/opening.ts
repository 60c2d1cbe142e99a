import type { Server, Socket } from 'node:net'
import { fromSystem, systemCode, TidemarkError } from '../../../errors.ts'
import type { CallOptions } from '../../../store/bucket.ts'
import { cancelled } from '../../../store/call.ts'

/** How long it may take to reach another machine. Milliseconds. */
const patience = 20_000

/** Resolves at the socket's `event`; otherwise destroys it and rejects, at the latest after some seconds. */
export async function opened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  name: string,
  { signal }: CallOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const late = new TidemarkError('timeout', `${name}: no answer within ${patience} ms`)
  const timer = setTimeout(() => reject(late), patience)
  const stop = (): void => reject(cancelled(signal!, `connect to ${name}`))
  const fail = (error: Error): void => reject(unreachable(error, name))
  const closed = (): void => reject(new TidemarkError('unavailable', `${name}: the connection was closed`))
  socket.once(event, resolve)
  socket.once('error', fail)
  socket.once('close', closed)
  signal?.addEventListener('abort', stop)
  if (signal?.aborted === true) stop()
  try {
    await promise
  } catch (error) {
    socket.on('error', () => {})
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    socket.off('error', fail)
    socket.off('close', closed)
    signal?.removeEventListener('abort', stop)
  }
}

function unreachable(error: Error, name: string): TidemarkError {
  const known = fromSystem(error, name)
  const code = known.code === 'failed' || systemCode(error) === 'ENOENT' ? 'unavailable' : known.code
  return new TidemarkError(code, known.message, { cause: error })
}

/** Resolves when `listen` has had its way. */
export async function listening(server: Server, name: string, listen: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('listening', resolve)
  server.once('error', reject)
  try {
    listen()
    await promise
  } catch (error) {
    const known = fromSystem(error, `listen at ${name}`)
    throw systemCode(error) === 'EADDRINUSE'
      ? new TidemarkError('busy', known.message, { cause: error })
      : known
  } finally {
    server.off('error', reject)
  }
}
