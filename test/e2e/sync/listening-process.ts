/** Serves a peer of one chunk over TLS to anybody: on which port, and by which certificate, it tells its parent. */
import process from 'node:process'
import { newIdentity } from '../../../src/sync/wire/certificate.ts'
import { Connection } from '../../../src/sync/wire/connection.ts'
import { servePeer } from '../../../src/sync/wire/serve-peer.ts'
import { listenTls } from '../../../src/sync/wire/transport/tls.ts'
import { pattern } from '../../suites/bucket-suite.ts'
import { headOf, MemoryPeer } from '../../suites/memory-peer.ts'
import { serviceOf } from '../../suites/wire.ts'

const peer = new MemoryPeer(headOf(7))
await peer.put(pattern(1_000_000))
const identity = newIdentity()
const { port } = await listenTls({
  port: 0,
  identity,
  isKnown: () => true,
  onLink: ({ stream, name }) => {
    const quiet = { greeting: 60_000, ask: 300, gone: 3000 }
    const connection = new Connection(stream, { name, isDialler: false, quiet })
    void servePeer(connection, serviceOf(peer)).then((error) => process.send?.({ ended: error?.code }))
  },
})
process.send?.({ port, fingerprint: identity.fingerprint })
