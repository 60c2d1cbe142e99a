import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { idOf, type Id } from '../../../../src/object/id.ts'
import type { Peer, Want } from '../../../../src/sync/peer.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import type { FolderRequest } from '../../../../src/sync/wire/service.ts'
import { pattern, rejects } from '../../../suites/bucket-suite.ts'
import { deviceId, folderId, headOf, MemoryPeer } from '../../../suites/memory-peer.ts'
import { connectionPair, reachPeer, serviceOf, whoAmI } from '../../../suites/wire.ts'
import { connectPeer } from '../../../../src/sync/wire/connect-peer.ts'
import { servePeer } from '../../../../src/sync/wire/serve-peer.ts'
import { TidemarkError } from '../../../../src/errors.ts'

async function fetchAll(peer: Peer, wants: readonly Want[]): Promise<(Uint8Array | undefined)[]> {
  async function* some(): AsyncGenerator<readonly Want[]> {
    for (let at = 0; at < wants.length; at += 7) yield wants.slice(at, at + 7)
  }
  const arrivals = (await Array.fromAsync(peer.fetch(some()))).flat()
  assert.deepEqual(
    arrivals.map(({ id }) => id),
    wants.map(({ id }) => id),
  )
  return arrivals.map(({ bytes }) => (bytes === undefined ? undefined : new Uint8Array(bytes)))
}

test('a hello tells each side who the other is, and what it may do', async (t) => {
  const seen: FolderRequest[] = []
  const service = serviceOf(new MemoryPeer(), { access: 'read' }, seen)
  const reached = await reachPeer(t, service, { place: '/data/föö', create: { history: 'none', join: true } })
  const { folder, device, host, access } = reached
  assert.deepEqual(
    { folder, device, host, access },
    { folder: folderId, device: deviceId, host: 'far', access: 'read' },
  )
  const [{ caller, ...wish }] = seen as [FolderRequest]
  assert.deepEqual(wish, { place: '/data/föö', folder: folderId, create: { history: 'none', join: true } })
  assert.equal(caller.device, whoAmI.device)
  assert.equal(caller.host, 'near')
  assert.match(caller.program, /^tidemark\/\d/)
})

test('nothing is answered before a hello', async (t) => {
  const [near, far] = connectionPair(t)
  const ended = servePeer(far, serviceOf(new MemoryPeer()))
  const channel = await near.call('head', new Uint8Array(2))
  await rejects(channel.receive(), 'denied')
  assert.equal((await ended)?.code, 'denied')
})

test('what the service has against a caller is told to him, and nothing is answered then', async (t) => {
  const [near, far] = connectionPair(t)
  void servePeer(far, async () => {
    throw new TidemarkError('missing', 'no such folder here')
  })
  await assert.rejects(connectPeer(near, whoAmI), /listener: no such folder here/)
  const channel = await near.call('fetch', new Uint8Array(0))
  await rejects(channel.receive(), 'denied')
})

test('heads and bases arrive as they are', async (t) => {
  const served = new MemoryPeer(headOf(3, { message: 'third', tags: ['a', 'b'] }))
  const { peer } = await reachPeer(t, serviceOf(served))
  assert.deepEqual(await peer.head(), await served.head())
  assert.deepEqual(await peer.bases(headOf(1), headOf(2)), [
    headOf(1),
    headOf(2),
    headOf(3, { message: 'third', tags: ['a', 'b'] }),
  ])
})

test('a head that has not changed is not sent again, and one that changes is told at once', async (t) => {
  const served = new MemoryPeer(headOf(1))
  const { peer } = await reachPeer(t, serviceOf(served))
  const first = await peer.head()
  assert.equal((await peer.head({ after: first.id, waitMs: 1 })).id, first.id)
  const waiting = peer.head({ after: first.id, waitMs: 60_000 })
  await sleep(10)
  served.current = headOf(2)
  assert.deepEqual(await waiting, headOf(2))
  assert.deepEqual(await peer.head({ after: first.id, waitMs: 60_000 }), headOf(2))
})

test('a poll that finds nothing new takes less than a hundred bytes each way', async (t) => {
  const { peer, near } = await reachPeer(t, serviceOf(new MemoryPeer(headOf(1))))
  const { id } = await peer.head()
  const [sent, came] = [near.sent, near.received]
  await peer.head({ after: id, waitMs: 1 })
  t.diagnostic(`${near.sent - sent} bytes there, ${near.received - came} back`)
  assert.ok(near.sent - sent < 100)
  assert.ok(near.received - came < 100)
})

test('waiting for a head ends with its signal', async (t) => {
  const { peer } = await reachPeer(t, serviceOf(new MemoryPeer(headOf(1))))
  const stop = new AbortController()
  const waiting = peer.head({ after: headOf(1).id, waitMs: 60_000, signal: stop.signal })
  setTimeout(() => stop.abort(), 10)
  await rejects(waiting, 'cancelled')
  assert.deepEqual(await peer.head(), headOf(1))
})

test('chunks of every size arrive in order, missing ones as missing', async (t) => {
  const served = new MemoryPeer()
  const { peer } = await reachPeer(t, serviceOf(served))
  const sizes = [0, 1, 31, 100, 4095, 5000, 65_536, 262_144, 262_145, 1_000_000, 4 * 1024 * 1024]
  const chunks = sizes.flatMap((size) => [pattern(size), new Uint8Array(randomBytes(size))])
  const wants: Want[] = []
  for (const bytes of chunks) {
    wants.push({ id: await served.put(bytes) })
    wants.push({ id: idOf(randomBytes(8)) })
  }
  const got = await fetchAll(peer, wants)
  for (const [at, bytes] of chunks.entries()) {
    assert.ok(Buffer.compare(got[2 * at]!, bytes) === 0, `size ${bytes.length}`)
    assert.equal(got[2 * at + 1], undefined)
  }
  assert.deepEqual(await fetchAll(peer, []), [])
})

test('ten thousand small chunks arrive', async (t) => {
  const served = new MemoryPeer()
  const { peer } = await reachPeer(t, serviceOf(served))
  const wants: Want[] = []
  for (let at = 0; at < 10_000; at++) wants.push({ id: await served.put(Buffer.from(`chunk ${at}`)) })
  const got = await fetchAll(peer, wants)
  assert.ok(got.every((bytes, at) => Buffer.from(bytes!).toString() === `chunk ${at}`))
})

/** The bytes that `near` receives while `act` runs. */
async function received(near: { readonly received: number }, act: () => Promise<unknown>): Promise<number> {
  const before = near.received
  await act()
  return near.received - before
}

test('a chunk much like an older one is sent as the difference', async (t) => {
  const served = new MemoryPeer()
  const store = new MemoryStore()
  const { peer, near } = await reachPeer(t, serviceOf(served), { store })
  for (const size of [20_000, 200_000]) {
    const old = new Uint8Array(randomBytes(size))
    const changed = new Uint8Array(
      Buffer.concat([old.subarray(0, 9000), Buffer.from('new'), old.subarray(9000)]),
    )
    const like = await served.put(old)
    await store.put(like, old)
    const id = await served.put(changed)
    const bytes = await received(near, async () => {
      assert.deepEqual(await fetchAll(peer, [{ id, like }]), [changed])
    })
    assert.ok(bytes < 1000, `${bytes} bytes for a chunk of ${size}`)
  }
})

test('where older chunks are of no use they are soon not read any more', async (t) => {
  const served = new MemoryPeer()
  const store = new MemoryStore()
  const { peer } = await reachPeer(t, serviceOf(served), { store })
  const wants: { id: Id; like: Id }[] = []
  for (let count = 0; count < 4000; count++) {
    const like = await served.put(Buffer.from(`${count}`.repeat(50)))
    wants.push({ id: await served.put(new Uint8Array(randomBytes(300))), like })
  }
  served.asked.length = 0
  await fetchAll(peer, wants)
  const likes = served.asked.length - wants.length
  assert.ok(likes < 3000, `${likes} older chunks were read`)
})

test('a difference whose older chunk has gone meanwhile is fetched whole', async (t) => {
  const served = new MemoryPeer()
  const { peer } = await reachPeer(t, serviceOf(served), { store: new MemoryStore() })
  const old = new Uint8Array(randomBytes(20_000))
  const changed = old.slice(100)
  const want = { id: await served.put(changed), like: await served.put(old) }
  assert.deepEqual(await fetchAll(peer, [want, want]), [changed, changed])
})

test('what compresses is compressed, unless the other side is near', async (t) => {
  const served = new MemoryPeer()
  const text = Buffer.from('It was a dark and stormy night. '.repeat(3000))
  const id = await served.put(text)
  const far = await reachPeer(t, serviceOf(served))
  assert.ok((await received(far.near, () => fetchAll(far.peer, [{ id }]))) < text.length / 10)
  const near = await reachPeer(t, serviceOf(served), { plain: true })
  assert.ok((await received(near.near, () => fetchAll(near.peer, [{ id }]))) > text.length)
})

test('a peer that may read cannot offer', async (t) => {
  const served = new MemoryPeer()
  const { peer } = await reachPeer(t, serviceOf(served, { access: 'read' }))
  await rejects(peer.offer(headOf(9)), 'denied')
  assert.deepEqual(served.offers, [])
  assert.deepEqual(await peer.head(), headOf(0))
})

test('an offer is taken in by fetching from whoever made it', async (t) => {
  const mine = new MemoryPeer(headOf(5))
  const id = await mine.put(pattern(5000))
  const served = new MemoryPeer()
  const { peer } = await reachPeer(
    t,
    async (request, caller, options) => {
      const grant = await serviceOf(served)(request, caller, options)
      const taking: Peer = {
        name: 'taking',
        head: (options) => served.head(options),
        bases: (one, other) => served.bases(one, other),
        fetch: (wants) => served.fetch(wants),
        async offer(head) {
          const [bytes] = await fetchAll(caller, [{ id }])
          await served.put(bytes!)
          return served.offer(head)
        },
      }
      return { ...grant, peer: taking }
    },
    { serve: { peer: mine, access: 'read' } },
  )
  assert.deepEqual(await peer.offer(headOf(5)), headOf(5))
  assert.deepEqual(await served.store.has([id]), new Set<Id>([id]))
})

test('whoever serves nothing is told apart from whoever has nothing', async (t) => {
  let caller: Peer | undefined
  const service = serviceOf(new MemoryPeer())
  await reachPeer(t, (request, peer, options) => {
    caller = peer
    return service(request, peer, options)
  })
  await rejects(caller!.head(), 'unsupported')
})

test('whoever reads chunks slowly holds up whoever reads them from the disk', async (t) => {
  const served = new MemoryPeer()
  const { peer } = await reachPeer(t, serviceOf(served), { plain: true })
  const id = await served.put(new Uint8Array(randomBytes(1024 * 1024)))
  async function* wants(): AsyncGenerator<Want[]> {
    for (let count = 0; count < 200; count++) yield [{ id }]
  }
  const arrivals = peer.fetch(wants())[Symbol.asyncIterator]()
  await arrivals.next()
  let before = -1
  while (before !== served.asked.length) {
    before = served.asked.length
    await sleep(30)
  }
  assert.ok(before < 15, `${before} MiB were read for somebody who does not take them`)
  let count = 1
  while ((await arrivals.next()).done !== true) count++
  assert.equal(count, 200)
})

test('a wrong chunk is not believed', async (t) => {
  const served = new MemoryPeer()
  const lying: Peer = {
    name: 'lying',
    head: () => served.head(),
    bases: async () => [],
    offer: async (head) => head,
    async *fetch(wants) {
      for await (const some of wants)
        yield some.map(({ id }) => ({ id, bytes: Buffer.from('something else') }))
    },
  }
  const { peer } = await reachPeer(t, serviceOf(served, { peer: lying }))
  await rejects(fetchAll(peer, [{ id: idOf(pattern(4)) }]), 'corrupt')
})

function failing(error: unknown): Peer {
  return {
    name: 'failing',
    async head() {
      throw error
    },
    bases: async () => [],
    offer: async (head) => head,
    fetch() {
      throw error
    },
  }
}

test('errors keep their codes on the way, and others become failed', async (t) => {
  for (const code of ['full', 'busy', 'conflict', 'corrupt'] as const) {
    const grant = { peer: failing(new TidemarkError(code, `is ${code}`)) }
    const { peer } = await reachPeer(t, serviceOf(new MemoryPeer(), grant))
    await rejects(peer.head(), code)
    await rejects(fetchAll(peer, [{ id: headOf(1).id }]), code)
  }
  const { peer } = await reachPeer(t, serviceOf(new MemoryPeer(), { peer: failing(new RangeError('odd')) }))
  await rejects(peer.head(), 'failed')
  await assert.rejects(peer.head(), /odd/)
})

test('an error of the wishes is the error of the fetch, and leaving early leaves the rest as it was', async (t) => {
  const served = new MemoryPeer()
  const { peer } = await reachPeer(t, serviceOf(served))
  const id = await served.put(pattern(100))
  async function* bad(): AsyncGenerator<Want[]> {
    yield [{ id }]
    throw new TidemarkError('full', 'no room for wishes')
  }
  await rejects(Array.fromAsync(peer.fetch(bad())), 'full')
  async function* endless(): AsyncGenerator<Want[]> {
    for (;;) yield [{ id }]
  }
  for await (const [arrival] of peer.fetch(endless())) {
    assert.equal(arrival!.id, id)
    break
  }
  assert.deepEqual(await fetchAll(peer, [{ id }]), [pattern(100)])
})

test('a grant is closed when the connection has ended', async (t) => {
  let closed = 0
  const close = async (): Promise<void> => void closed++
  const [near, far] = connectionPair(t)
  const ended = servePeer(far, serviceOf(new MemoryPeer(), { close }))
  await connectPeer(near, whoAmI)
  await near.close()
  assert.equal(await ended, undefined)
  assert.equal(closed, 1)
})

test('a connection that closes ends what is under way as unavailable', async (t) => {
  const { peer, far } = await reachPeer(t, serviceOf(new MemoryPeer(headOf(1))))
  const waiting = peer.head({ after: headOf(1).id, waitMs: 60_000 })
  const refused = rejects(waiting, 'unavailable')
  await sleep(10)
  await far.close()
  await refused
  await rejects(peer.head(), 'unavailable')
})
