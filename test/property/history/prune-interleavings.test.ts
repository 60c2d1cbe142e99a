import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import type { DirectoryEntry } from '../../../src/object/entry.ts'
import type { Id } from '../../../src/object/id.ts'
import { buildLeaves, buildNodes } from '../../../src/object/tree.ts'
import { idOf } from '../../../src/object/id.ts'
import { prune } from '../../../src/history/prune.ts'
import type { Bucket } from '../../../src/store/bucket.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { holdsAll } from '../../../src/store/repository/holds-all.ts'
import { listPacks } from '../../../src/store/repository/list-packs.ts'
import { Repository } from '../../../src/store/repository/repository.ts'
import type { Time } from '../../../src/store/time.ts'
import { directoryEntry } from '../../suites/plant.ts'
import { readSnapshot, snapshotOf, writeSnapshot, writeTree } from '../../suites/repository-builder.ts'
import type { Plan } from '../../suites/repository-builder.ts'
import { Scheduler } from '../../suites/scheduler.ts'

const runs = 25 * Number(process.env['TIDEMARK_FUZZ'] ?? 1)
const first = Number(process.env['TIDEMARK_SEED'] ?? 1)

/** A few contents, so that what one snapshot gives up another takes up again. */
const contents = Array.from({ length: 10 }, (_, n) => `content ${n} `.repeat(n % 3 === 0 ? 200 : 20))

function drawPlan(random: () => number, depth = 0): Plan {
  const plan: Record<string, Plan[string]> = {}
  for (const name of ['a', 'b', 'c', 'd']) {
    const draw = random()
    if (draw < 0.5) plan[name] = contents[Math.floor(random() * contents.length)]!
    else if (draw < 0.75 && depth < 2) plan[name] = drawPlan(random, depth + 1)
  }
  return plan
}

/** What every snapshot published is to hold. */
type Published = Map<Id, Plan>

async function writer(
  bucket: Bucket,
  time: Time,
  random: () => number,
  published: Published,
  name: string,
): Promise<void> {
  const repository = await Repository.open(bucket)
  for (let n = 0; n < 3; n++) {
    const writer = await repository.write()
    const plan = drawPlan(random)
    const others = Math.floor(random() * 4)
    for (let pause = 0; pause < others; pause++) {
      await writeTree(writer, drawPlan(random))
      await time.sleep(1)
    }
    const root =
      random() < 0.4
        ? await extendParent(repository, writer, published, plan, random)
        : { plan, entry: await writeTree(writer, plan) }
    if (random() < 0.3) await writer.flush()
    else await time.sleep(1)
    const snapshot = snapshotOf(root.entry, { time: n, message: name })
    const id = await writer.publish(snapshot)
    published.set(id, root.plan)
    if (random() < 0.5) await writer.compact()
    await writer.close()
  }
  repository.close()
}

/**
 * The short cut that docs/format/repository.md allows: what a snapshot needs that was listed after the lease
 * was taken may be relied on unseen, when nothing was condemned then; otherwise after a look at all of it.
 */
async function extendParent(
  repository: Repository,
  writer: Awaited<ReturnType<Repository['write']>>,
  published: Published,
  plan: Plan,
  random: () => number,
): Promise<{ plan: Plan; entry: DirectoryEntry }> {
  const ids = (await repository.snapshots.list()).filter((id) => published.has(id))
  const parent = ids[Math.floor(random() * ids.length)]
  if (parent === undefined) return { plan, entry: await writeTree(writer, plan) }
  const added = await writeTree(writer, plan, 'new')
  let root
  try {
    root = (await repository.snapshots.read(parent)).root
    if (writer.condemned.size > 0 && !(await holdsAll(writer, root)))
      return { plan, entry: await writeTree(writer, plan) }
  } catch (error) {
    if (!isTidemarkError(error, 'missing')) throw error
    return { plan, entry: await writeTree(writer, plan) }
  }
  const entries = [added, { ...root, name: 'old' }]
  const leaves = [...buildLeaves(entries)]
  for (const { bytes } of leaves) await writer.putMetadata(idOf(bytes), bytes)
  const content = buildNodes(
    leaves.map(({ bytes, first, count }) => ({ id: idOf(bytes), first, count })),
    () => assert.fail('one leaf is enough'),
  )
  return { plan: { new: plan, old: published.get(parent)! }, entry: directoryEntry('', entries, content) }
}

async function pruner(bucket: Bucket, time: Time, random: () => number): Promise<void> {
  const repository = await Repository.open(bucket)
  for (let n = 0; n < 3; n++) {
    try {
      const waitMs = random() < 0.3 ? 0 : 1_000_000
      await prune(repository, { time, waitMs, deadShare: random() < 0.5 ? 0.1 : 0.6 })
    } catch (error) {
      if (!isTidemarkError(error, 'busy')) throw error
    }
  }
  repository.close()
}

async function forgetter(bucket: Bucket, random: () => number): Promise<void> {
  const repository = await Repository.open(bucket)
  for (let n = 0; n < 3; n++) {
    const ids = await repository.snapshots.list()
    const id = ids[Math.floor(random() * ids.length)]
    if (id !== undefined) await repository.snapshots.delete(id)
  }
  repository.close()
}

async function checkAll(bucket: Bucket, published: Published): Promise<number> {
  const repository = await Repository.open(bucket)
  const ids = await repository.snapshots.list()
  for (const id of ids) {
    const plan = published.get(id)
    const read = await readSnapshot(repository, id)
    if (plan !== undefined) assert.deepEqual(JSON.parse(JSON.stringify(read)), plan)
  }
  const packs = await listPacks(bucket)
  for (const segment of repository.index.segments)
    for (const { id } of segment.tables().packs)
      assert.ok(packs.has(id), 'the index names a pack that is gone')
  repository.close()
  return ids.length
}

/** Everything at once over one bucket; then every snapshot that is there must be whole. */
async function interleave(seed: number, crashShare: number): Promise<void> {
  const bucket = new MemoryBucket()
  const published: Published = new Map()
  const scheduler = new Scheduler(seed, bucket, crashShare)
  const { random } = scheduler
  const repository = await Repository.create(bucket)
  for (let n = 0; n < 7; n++) {
    const plan = drawPlan(random)
    const id = await writeSnapshot(repository, plan, { time: n })
    published.set(id, plan)
    if (n < 5) await repository.snapshots.delete(id)
  }
  repository.close()
  for (const name of ['w1', 'w2', 'w3'])
    scheduler.start(name, (bucket, time) => writer(bucket, time, random, published, name))
  for (const name of ['p1', 'p2']) scheduler.start(name, (bucket, time) => pruner(bucket, time, random))
  scheduler.start('f', (bucket) => forgetter(bucket, random))
  try {
    await scheduler.run()
    await checkAll(bucket, published)
    await pruneAlone(bucket)
    await checkAll(bucket, published)
  } catch (error) {
    const tail = scheduler.log.slice(-400).join('\n')
    if (process.env['TIDEMARK_LOG'] === '1') process.stderr.write(`${tail}\n`)
    throw new Error(`seed ${seed}: ${String(error)}`, { cause: error })
  }
}

/** When all is quiet a prune finishes what others have left, and leaves nothing behind. */
async function pruneAlone(bucket: Bucket): Promise<void> {
  // The leases of actors that have crashed: here their process is this one, and alive.
  for await (const { name } of bucket.list('leases/')) await bucket.delete(name)
  const repository = await Repository.open(bucket)
  await prune(repository)
  await prune(repository)
  const report = await prune(repository, { dryRun: true })
  assert.equal(report.dead, 0)
  for await (const { name } of bucket.list('condemned/')) assert.fail(`${name} was left`)
  repository.close()
}

/**
 * One pruner and one writer that takes up again what is in no use: the first goes `k` steps, the other `j`,
 * then the first to its end, then the other.
 */
async function switchAt(k: number, j: number, prunerFirst: boolean): Promise<void> {
  const bucket = new MemoryBucket()
  const published: Published = new Map()
  const repository = await Repository.create(bucket)
  const gone = { a: contents[0]!, b: { c: contents[1]!, d: contents[2]! } }
  const kept = { e: contents[3]!, b: { c: contents[1]! } }
  await repository.snapshots.delete(await writeSnapshot(repository, gone))
  published.set(await writeSnapshot(repository, kept, { time: 1 }), kept)
  repository.close()
  const scheduler = new Scheduler(k, bucket)
  scheduler.start('p', async (bucket, time) => {
    const repository = await Repository.open(bucket)
    await prune(repository, { time, waitMs: 1_000_000, deadShare: 0.1 })
    repository.close()
  })
  scheduler.start('w', async (bucket, time) => {
    const repository = await Repository.open(bucket)
    const writer = await repository.write()
    const root = await writeTree(writer, gone)
    await time.sleep(1)
    published.set(await writer.publish(snapshotOf(root, { time: 2 })), gone)
    await writer.close()
    repository.close()
  })
  const [first, second] = prunerFirst ? ['p', 'w'] : ['w', 'p']
  let turns = 0
  scheduler.pick = (waiting) => {
    turns++
    // A pruner that only waits for the writer lets it go on.
    const stuck = turns > 500 && turns % 2 === 0
    const wanted = turns <= k ? first : turns <= k + j || stuck ? second : first
    return waiting.includes(wanted) ? wanted : waiting[0]!
  }
  await scheduler.run()
  await checkAll(bucket, published)
  assert.equal(published.size, 2)
}

suite('pruning while others write', () => {
  test('with one writer, wherever the one stops and the other goes on', async () => {
    const share = Math.max(1, Math.floor(12 / Number(process.env['TIDEMARK_FUZZ'] ?? 1)))
    for (const prunerFirst of [true, false]) {
      const [most, least] = [90, 24]
      for (let k = 0; k < (prunerFirst ? most : least); k++) {
        for (let j = 0; j < (prunerFirst ? least : most); j++) {
          if ((k * 7 + j) % share > 0) continue
          try {
            await switchAt(k, j, prunerFirst)
          } catch (error) {
            throw new Error(`${prunerFirst ? 'p' : 'w'} ${k}, then ${j}: ${String(error)}`, { cause: error })
          }
        }
      }
    }
  })

  test('never takes anything from a snapshot', async () => {
    for (let seed = first; seed < first + runs; seed++) await interleave(seed, 0)
  })

  test('nor when anyone stops dead at any moment', async () => {
    for (let seed = first; seed < first + runs; seed++) await interleave(seed, 0.01)
  })
})
