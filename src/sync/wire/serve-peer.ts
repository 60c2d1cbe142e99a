import { TidemarkError } from '../../errors.ts'
import { systemTime, type Time } from '../../store/time.ts'
import { answerPeer } from './answer-peer.ts'
import type { Answer, Call } from './call.ts'
import { program } from './connect-peer.ts'
import type { Connection } from './connection.ts'
import { ownFeatures } from './features.ts'
import { decodeHello, encodeWelcome } from './hello.ts'
import { pause } from './pause.ts'
import { RemotePeer } from './remote-peer.ts'
import type { FolderGrant, PeerService } from './service.ts'

export interface ServePeerOptions {
  /** What the transport has proven of the caller: the SHA-256 of its certificate, 64 hexadecimal digits. */
  readonly fingerprint?: string | undefined
  /** The other side is near, so that compressing costs more than it saves. */
  readonly plain?: boolean
  /** How long a caller may take to say hello. Milliseconds. */
  readonly patience?: number
  readonly time?: Time
}

/**
 * Answers one caller until the connection ends. Before a hello that `service` accepts nothing is answered, and
 * anything else that is asked ends the connection. Resolves with what went wrong, if anything did.
 */
export async function servePeer(
  connection: Connection,
  service: PeerService,
  options: ServePeerOptions = {},
): Promise<TidemarkError | undefined> {
  const { fingerprint, plain = false, patience = 30_000, time = systemTime } = options
  let grant: FolderGrant | undefined
  let answer: Answer | undefined
  let isGreeting = false

  async function greet({ method, parameters, channel }: Call): Promise<void> {
    if (method !== 'hello') {
      const error = new TidemarkError('denied', `${method} was asked for before hello`)
      connection.fail(error)
      throw error
    }
    if (isGreeting) throw new TidemarkError('usage', 'one hello at a time')
    isGreeting = true
    try {
      const { features, caller, ...wish } = decodeHello(parameters)
      const theirs = new Set(features)
      const back = new RemotePeer(connection, caller.device, () => grant?.store, theirs)
      const request = { ...wish, caller: { ...caller, fingerprint } }
      const granted = await service(request, back, { signal: channel.signal })
      if (connection.signal.aborted || channel.error !== undefined) {
        await granted.close?.()
        return
      }
      grant = granted
      answer = answerPeer(granted, { features: () => theirs, connection })
      const { folder, device, host, access } = granted
      await channel.send(
        encodeWelcome({
          features: ownFeatures(plain, granted.store !== undefined),
          program,
          device,
          host,
          folder,
          access,
        }),
      )
    } finally {
      isGreeting = false
    }
  }

  connection.serve(async (call) => {
    if (answer === undefined) return greet(call)
    if (call.method === 'hello') throw new TidemarkError('usage', 'hello has been said')
    return answer(call)
  })
  async function awaitHello(): Promise<void> {
    await pause(time, patience, connection.signal)
    if (grant !== undefined || isGreeting) return
    connection.fail(new TidemarkError('timeout', `${connection.name}: no hello within ${patience} ms`))
  }

  void awaitHello()
  const error = await connection.closed
  await connection.settled()
  await grant?.close?.()
  return error
}
