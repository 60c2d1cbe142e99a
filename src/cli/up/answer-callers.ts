import { isTidemarkError } from '../../errors.ts'
import { servedFolders } from '../../sync/served-folders.ts'
import { loadIdentity } from '../../sync/wire/identity.ts'
import { peerByFingerprint, readKnownPeers } from '../../sync/wire/known-peers.ts'
import { servePeer } from '../../sync/wire/serve-peer.ts'
import { connectionOver } from '../../sync/wire/transport/link.ts'
import type { Link as Stream } from '../../sync/wire/transport/link.ts'
import { listenTls } from '../../sync/wire/transport/tls.ts'
import type { Reach } from '../sync/open-link.ts'
import type { Keeper } from './keeper.ts'
import type { UpOptions } from './up-event.ts'
import type { UpFile } from './up-file.ts'

/** Answers machines that call until `signal` is aborted. */
export async function answerCallers(
  { host, port }: NonNullable<UpFile['listen']>,
  folders: readonly Keeper[],
  state: string,
  rates: Reach['rates'],
  onEvent: UpOptions['onEvent'],
  signal: AbortSignal,
): Promise<{ close(): Promise<void> }> {
  const identity = await loadIdentity(state)
  // Read anew for each that calls: those that have been paired since are known too.
  const knownPeers = (): ReturnType<typeof readKnownPeers> => {
    try {
      return readKnownPeers(state)
    } catch (error) {
      if (isTidemarkError(error)) return []
      throw error
    }
  }
  const service = servedFolders(folders, knownPeers)
  const open = new Set<Promise<unknown>>()
  const answer = async (stream: Stream): Promise<void> => {
    const { fingerprint, name } = stream
    const known = fingerprint === undefined ? undefined : peerByFingerprint(knownPeers(), fingerprint)
    onEvent({ kind: 'called', address: name, peer: known?.name })
    const connection = connectionOver(stream, { sendRate: rates?.send, receiveRate: rates?.receive })
    const stop = (): void => void connection.close()
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    await servePeer(connection, service, { fingerprint, plain: stream.isNear })
    signal.removeEventListener('abort', stop)
  }
  const listener = await listenTls({
    host,
    port,
    identity,
    isKnown: (fingerprint) => peerByFingerprint(knownPeers(), fingerprint) !== undefined,
    onLink: (stream) => {
      const answering = answer(stream)
        .catch(() => {})
        .finally(() => open.delete(answering))
      open.add(answering)
    },
    onStranger: (fingerprint, address) => onEvent({ kind: 'stranger', address, fingerprint }),
  })
  onEvent({ kind: 'listening', host, port: listener.port })
  return {
    async close() {
      listener.close()
      await Promise.allSettled(open)
    },
  }
}
