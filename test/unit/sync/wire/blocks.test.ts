import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { idOf, type Id } from '../../../../src/object/id.ts'
import { MemoryBucket } from '../../../../src/store/memory-bucket.ts'
import type { FilledBlock } from '../../../../src/store/block-source.ts'
import { openSealed } from '../../../../src/store/repository/block-payload.ts'
import { Repository } from '../../../../src/store/repository/repository.ts'
import { LocalPeer } from '../../../../src/sync/local-peer.ts'
import type { Arrival, Peer, Want } from '../../../../src/sync/peer.ts'
import type { Replica } from '../../../../src/sync/replica.ts'
import { FolderReplica } from '../../../../src/sync/folder-replica.ts'
import { introduce } from '../../../../src/sync/introduce.ts'
import { BatchWriter } from '../../../../src/sync/wire/batch-writer.ts'
import { RemotePeer } from '../../../../src/sync/wire/remote-peer.ts'
import { pattern, rejects } from '../../../suites/bucket-suite.ts'
import { deviceId, MemoryPeer } from '../../../suites/memory-peer.ts'
import { copiesAt, type Copy } from '../../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'
import { connectionPair, reachPeer, serviceOf } from '../../../suites/wire.ts'
import { syncOverWire } from '../../../suites/wired-copies.ts'

/** Chunks in the packs of a repository, as one that keeps contents has them. */
async function repositoryOf(chunks: readonly Uint8Array[]): Promise<Repository> {
  const repository = await Repository.create(new MemoryBucket())
  const writer = await repository.write()
  for (const bytes of chunks) await writer.putData(idOf(bytes), bytes)
  await writer.flush()
  await writer.close()
  return repository
}

/** A peer over the wire whose chunks are those of `repository`. */
async function reachStored(t: TestContext, repository: Repository): Promise<Peer> {
  const replica = { host: 'far', device: 'd0'.repeat(16), store: repository } as unknown as Replica
  const stored = new LocalPeer(replica, { caller: () => assert.fail() })
  const served = Object.assign(new MemoryPeer(), {
    fetch: (wants: AsyncIterable<readonly Want[]>) => stored.fetch(wants),
    fetchBlocks: stored.fetchBlocks.bind(stored),
  })
  return (await reachPeer(t, serviceOf(served))).peer
}

async function* inGroups(wants: readonly Want[]): AsyncGenerator<readonly Want[]> {
  for (let at = 0; at < wants.length; at += 1000) yield wants.slice(at, at + 1000)
}

async function fetchBlocks(peer: Peer, wants: readonly Want[]): Promise<(Arrival | FilledBlock)[]> {
  return (await Array.fromAsync(peer.fetchBlocks!(inGroups(wants), { blocks: 'kept' }))).flat()
}

/** What has come, by id; each wish is answered once. */
function opened(arrivals: readonly (Arrival | FilledBlock)[]): Map<Id, Uint8Array | undefined> {
  const found = new Map<Id, Uint8Array | undefined>()
  const note = (id: Id, bytes: Uint8Array | undefined): void => {
    assert.ok(!found.has(id), 'answered twice')
    found.set(id, bytes && new Uint8Array(bytes))
  }
  for (const arrival of arrivals) {
    if (!('block' in arrival)) {
      note(arrival.id, arrival.bytes)
      continue
    }
    const plain = openSealed(arrival.block)
    for (const { id, offset, length } of arrival.chunks) note(id, plain.subarray(offset, offset + length))
  }
  return found
}

const texts = Array.from({ length: 600 }, (_, n) => pattern(3000 + 7 * n))
const noises = Array.from({ length: 200 }, () => new Uint8Array(randomBytes(9000)))

test('many chunks of a repository come in its blocks, and each that was wished for once', async (t) => {
  const all = [...texts, ...noises]
  const peer = await reachStored(t, await repositoryOf(all))
  const absent = idOf(randomBytes(8))
  // In another order than they are stored in.
  const ids = all.map((bytes) => idOf(bytes)).toSorted()
  const arrivals = await fetchBlocks(
    peer,
    [...ids.slice(0, 300), absent, ...ids.slice(300)].map((id) => ({ id })),
  )
  const found = opened(arrivals)
  assert.deepEqual([...found.keys()].toSorted(), [...ids, absent].toSorted())
  assert.equal(found.get(absent), undefined)
  for (const bytes of all) assert.ok(Buffer.compare(found.get(idOf(bytes))!, bytes) === 0)
  const inBlocks = arrivals.reduce((sum, one) => sum + ('block' in one ? one.chunks.length : 0), 0)
  assert.equal(inBlocks, all.length)
})

test('what was not asked for is in no block that is sent, and goes nowhere', async (t) => {
  // As of two folders in one repository.
  const marks = texts.map(() => randomBytes(16))
  const all = texts.map((bytes, n) => new Uint8Array(Buffer.concat([marks[n]!, bytes])))
  const peer = await reachStored(t, await repositoryOf(all))
  const unwanted = new Set(all.keys().filter((n) => n >= 500 || n === 7))
  const wants = all.filter((_, n) => !unwanted.has(n)).map((bytes): Want => ({ id: idOf(bytes) }))
  const arrivals = await fetchBlocks(peer, wants)
  assert.equal(opened(arrivals).size, wants.length)
  const blocks = arrivals.flatMap((one) => ('block' in one ? [Buffer.from(openSealed(one.block))] : []))
  // Of those with no other chunk in them there are several.
  assert.ok(blocks.length > 0)
  for (const n of unwanted) assert.ok(!blocks.some((plain) => plain.includes(marks[n]!)), `chunk ${n}`)
})

test('of a block of which little is wanted chunks come by themselves', async (t) => {
  const peer = await reachStored(t, await repositoryOf(texts))
  const arrivals = await fetchBlocks(
    peer,
    [3, 40, 77].map((n) => ({ id: idOf(texts[n]!) })),
  )
  assert.deepEqual(
    arrivals.map((one) => 'block' in one),
    [false, false, false],
  )
})

test('a chunk that is to come alone comes in no block, wherever it is asked for', async (t) => {
  const peer = await reachStored(t, await repositoryOf(texts))
  const wants = texts.map((bytes, n): Want => ({ id: idOf(bytes), alone: n % 2 === 0 }))
  const served = new Set<Id>()
  for (const one of await fetchBlocks(peer, wants)) {
    if ('block' in one) for (const { id } of one.chunks) served.add(id)
    else served.add(one.id)
  }
  assert.equal(served.size, texts.length)
})

test('blocks nobody asked for, and such of chunks that nobody wished for, are refused', async (t) => {
  const payload = new Uint8Array(randomBytes(100))
  const block = { flags: 0, plainLength: 100, payload }
  const [wanted, other] = [idOf(payload.subarray(0, 50)), idOf(payload.subarray(50))]
  const send = async (chunks: FilledBlock['chunks']): Promise<Peer> => {
    const [near, far] = connectionPair(t)
    far.serve(async ({ channel }) => {
      const writer = new BatchWriter(new Set())
      await channel.receive()
      writer.addBlock({ block, chunks })
      for (const message of writer.flush()) await channel.send(message)
    })
    return new RemotePeer(near, deviceId, () => undefined, new Set(['blocks']))
  }
  const right = { id: wanted, offset: 0, length: 50 }
  const wants = [{ id: wanted }]
  assert.equal((await fetchBlocks(await send([right]), wants)).length, 1)
  await rejects(Array.fromAsync((await send([right])).fetch(inGroups(wants))), 'corrupt')
  await rejects(fetchBlocks(await send([right, { id: other, offset: 50, length: 50 }]), wants), 'corrupt')
  await rejects(fetchBlocks(await send([right, right]), wants), 'corrupt')
  await rejects(fetchBlocks(await send([{ ...right, offset: 51 }]), wants), 'corrupt')
})

for (const history of ['kept', 'none'] as const) {
  test(`a damaged pack of the sender costs only what is damaged, history ${history}`, async (t) => {
    const place = temporaryDirectory(t)
    const [one] = (await copiesAt([join(place, 'a')], 'kept')) as [Copy]
    t.after(() => one.close())
    for (let n = 0; n < 300; n++) writeFileSync(join(one.root, `file-${n}`), texts[n]!)
    await one.replica.capture()
    const packs = join(one.root, '.tidemark/repository/packs')
    const names = readdirSync(packs, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    const [largest] = names
      .map(({ parentPath, name }) => join(parentPath, name))
      .toSorted((a, b) => statSync(b).size - statSync(a).size)
    const bytes = readFileSync(largest!)
    bytes.fill(0, 2000, 2010)
    chmodSync(largest!, 0o600)
    writeFileSync(largest!, bytes)
    const folder = await introduce(join(place, 'b'), one.replica.folder, { history })
    const copy = { root: join(place, 'b'), replica: await FolderReplica.open(folder) }
    const close = async (): Promise<void> => {
      await copy.replica.close()
      folder.close()
    }
    t.after(close)
    await syncOverWire(t, { ...copy, close }, one)
    const arrived = readdirSync(copy.root).filter((name) => name.startsWith('file-'))
    // The first block is lost, with what is in it.
    assert.ok(arrived.length > 0 && arrived.length < 300, `${arrived.length} files`)
    for (const name of arrived)
      assert.deepEqual(readFileSync(join(copy.root, name)), readFileSync(join(one.root, name)))
  })
}
