import assert from 'node:assert/strict'
import { on, once } from 'node:events'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { test } from 'node:test'
import { idOf } from '../../../src/object/id.ts'
import { newIdentity } from '../../../src/sync/wire/certificate.ts'
import { connectPeer } from '../../../src/sync/wire/connect-peer.ts'
import { Connection } from '../../../src/sync/wire/connection.ts'
import { connectTls } from '../../../src/sync/wire/transport/tls.ts'
import { requireTool } from '../../require.ts'
import { pattern, rejects } from '../../suites/bucket-suite.ts'
import { headOf } from '../../suites/memory-peer.ts'
import { otherMachine } from '../../suites/other-machine.ts'
import { whoAmI } from '../../suites/wire.ts'

const listening = join(import.meta.dirname, 'listening-process.ts')

const big = idOf(pattern(1_000_000))

async function* endless(): AsyncGenerator<{ id: string }[]> {
  for (;;) yield [{ id: big }]
}

test('a cable that is pulled is noticed on both sides, and put back all goes on', async (t) => {
  const machine = otherMachine(t)
  if (!requireTool(t, machine !== undefined, 'a network of one’s own needs root and ip')) return
  const child = machine!.run(execPath, [listening])
  const [{ port, fingerprint }] = (await once(child, 'message')) as [{ port: number; fingerprint: string }]
  const told = on(child, 'message')
  const identity = newIdentity()

  async function reach(): Promise<Connection> {
    const link = await connectTls({ host: machine!.address, port, identity, fingerprint })
    assert.equal(link.isNear, false)
    const quiet = { greeting: 60_000, ask: 300, gone: 3000 }
    return new Connection(link.stream, { name: 'far', isDialler: true, quiet })
  }

  const connection = await reach()
  const { peer } = await connectPeer(connection, whoAmI)
  const { id } = await peer.head()
  // Alive over a silence of several times what is allowed.
  await peer.head({ after: id, waitMs: 7000 })
  const fetching = (async () => {
    let count = 0
    for await (const arrivals of peer.fetch(endless())) {
      count += arrivals.length
      if (count === 20) machine!.cut()
    }
  })()
  await rejects(fetching, 'timeout')
  const { value } = (await told.next()) as { value: [{ ended: string }] }
  assert.equal(value[0].ended, 'timeout')
  await connection.close()

  machine!.mend()
  const again = await reach()
  const { peer: back } = await connectPeer(again, whoAmI)
  assert.deepEqual(await back.head(), headOf(7))
  await again.close()
})
