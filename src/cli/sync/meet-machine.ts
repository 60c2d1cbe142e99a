import { hostname } from 'node:os'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import type { Identity } from '../../sync/wire/certificate.ts'
import { pair } from '../../sync/wire/pairing.ts'
import type { Paired, PairOptions } from '../../sync/wire/pairing.ts'
import { connectionOver } from '../../sync/wire/transport/link.ts'
import type { Link as Stream } from '../../sync/wire/transport/link.ts'
import { connectTls, listenTls } from '../../sync/wire/transport/tls.ts'
import type { Context } from '../context.ts'
import { formatAddress, parseAddress } from '../web-server.ts'
import type { Address } from '../web-server.ts'

/** Where `tidemark up` and `tidemark pair` meet when no port is named. */
export const usualPort = 7070

/** Finds out whether the other side shows the same code. */
export type Confirm = PairOptions['confirm']

export async function goToMachine(
  context: Context,
  target: string,
  identity: Identity,
  confirm: Confirm,
): Promise<{ paired: Paired; address: string }> {
  const isBare = /^(?:[^:[\]]+|\[[^\]]+\])$/.test(target)
  const { host, port } = parseAddress(isBare ? `${target}:${usualPort}` : target)
  const stream = await connectTls({ host, port, identity, fingerprint: undefined, signal: context.signal })
  const paired = await introduce(context, stream, identity, confirm)
  return { paired, address: formatAddress({ host, port }) }
}

/** The first that comes and gets as far as a code is the one; whoever else calls is turned away. */
export async function waitForMachine(
  context: Context,
  { host, port }: Address,
  identity: Identity,
  confirm: Confirm,
): Promise<Paired> {
  const { promise, resolve, reject } = Promise.withResolvers<Paired>()
  let isAsking = false
  let isBusy = false
  const take = async (stream: Stream): Promise<void> => {
    if (isBusy) {
      connectionOver(stream).fail(new TidemarkError('busy', 'another machine is being paired here'))
      return
    }
    isBusy = true
    try {
      resolve(
        await introduce(context, stream, identity, (...asked) => {
          isAsking = true
          return confirm(...asked)
        }),
      )
    } catch (error) {
      if (isAsking || context.signal.aborted || !isTidemarkError(error)) reject(error)
      else await context.warn(`${stream.name}: ${error.message}`)
    } finally {
      isBusy = false
    }
  }
  const listener = await listenTls({
    host: host === '' ? undefined : host,
    port,
    identity,
    isKnown: () => true,
    onLink: (stream) => void take(stream).catch(reject),
  })
  const stop = (): void => reject(new TidemarkError('cancelled', 'pairing: cancelled'))
  context.signal.addEventListener('abort', stop)
  try {
    if (context.json) await context.printJson({ listening: listener.port })
    else {
      const isAny = ['', '0.0.0.0', '::'].includes(host)
      const at = isAny ? `port ${listener.port}` : formatAddress({ host, port: listener.port })
      const reached = formatAddress({ host: isAny ? hostname() : host, port: listener.port })
      await context.note(`waiting at ${at}: now tidemark pair ${reached} there`)
    }
    await context.out.flush()
    if (context.signal.aborted) stop()
    return await promise
  } finally {
    context.signal.removeEventListener('abort', stop)
    listener.close()
  }
}

async function introduce(
  context: Context,
  stream: Stream,
  { fingerprint: own }: Identity,
  confirm: Confirm,
): Promise<Paired> {
  const { isDialler, fingerprint: other } = stream
  const connection = connectionOver(stream)
  try {
    if (other === undefined) throw new TidemarkError('denied', `${stream.name}: it has shown no certificate`)
    return await pair(connection, {
      own,
      other,
      isDialler,
      host: hostname(),
      confirm,
      signal: context.signal,
    })
  } finally {
    await connection.close()
  }
}
