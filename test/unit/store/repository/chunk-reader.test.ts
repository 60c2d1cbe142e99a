import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../../src/errors.ts'
import { idOf, type Id } from '../../../../src/object/id.ts'
import { MemoryBucket } from '../../../../src/store/memory-bucket.ts'
import { condemn } from '../../../../src/store/repository/condemned.ts'
import { idInName } from '../../../../src/store/repository/place.ts'
import { Repository } from '../../../../src/store/repository/repository.ts'
import { namesIn } from '../../../suites/damage.ts'
import { FaultyBucket, seededFaults } from '../../../suites/faulty-bucket.ts'
import { seededRandom } from '../../../suites/random.ts'

function noise(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: size }, () => random() * 256)
}

/** Small and large, compressible or not, some of them alone in their blocks. */
const contents: readonly Uint8Array[] = [
  ...Array.from({ length: 30 }, (_, n) => noise(50 + n * 100, n)),
  ...Array.from({ length: 30 }, (_, n) => new Uint8Array(50 + n * 100).fill(n)),
  noise(200_000, 77),
  new Uint8Array(300_000).fill(5),
]

async function make(): Promise<{ bucket: MemoryBucket; ids: Id[] }> {
  const bucket = new MemoryBucket()
  const repository = await Repository.create(bucket)
  await writeAll(repository)
  return { bucket, ids: contents.map((bytes) => idOf(bytes)) }
}

async function writeAll(repository: Repository): Promise<void> {
  const writer = await repository.write()
  for (const bytes of contents) await writer.putData(idOf(bytes), bytes)
  await writer.flush()
  await writer.close()
  repository.close()
}

suite('reading chunks', () => {
  test('gives back every chunk, in any order, also all at once', async () => {
    const { bucket, ids } = await make()
    const repository = await Repository.open(bucket)
    const all = await Promise.all(ids.toReversed().map((id) => repository.get(id)))
    for (const [n, bytes] of all.toReversed().entries())
      assert.deepEqual(Buffer.from(bytes), Buffer.from(contents[n]!))
    repository.close()
  })

  test('never gives other bytes, whatever the bucket does', async () => {
    const { bucket, ids } = await make()
    let [read, failed] = [0, 0]
    for (let seed = 1; seed <= 40; seed++) {
      const faults = [{ kind: 'lie' }, { kind: 'cut' }, { kind: 'before' }, { kind: 'after' }] as const
      const faulty = new FaultyBucket(bucket)
      const repository = await Repository.open(faulty)
      faulty.plan = seededFaults(seed, 0.3, faults)
      for (const [n, id] of ids.entries()) {
        try {
          assert.deepEqual(Buffer.from(await repository.get(id)), Buffer.from(contents[n]!))
          read++
        } catch (error) {
          assert.ok(isTidemarkError(error, 'corrupt', 'missing', 'unavailable'), String(error))
          failed++
        }
      }
      repository.close()
    }
    assert.ok(read > 100 && failed > 100, `${read} read, ${failed} failed`)
  })

  test('says missing of what is not there', async () => {
    const { bucket } = await make()
    const repository = await Repository.open(bucket)
    await assert.rejects(repository.get(idOf(noise(9, 9))), (error) => isTidemarkError(error, 'missing'))
    repository.close()
  })

  test('finds what was written after it had read the index', async () => {
    const { bucket } = await make()
    const reader = await Repository.open(bucket)
    await reader.ready()
    const later = noise(1000, 1234)
    const writer = await (await Repository.open(bucket)).write()
    await writer.putData(idOf(later), later)
    await writer.flush()
    await writer.close()
    assert.deepEqual(Buffer.from(await reader.get(idOf(later))), Buffer.from(later))
    reader.close()
  })

  test('reads another copy when one is gone or damaged', async () => {
    const { bucket, ids } = await make()
    const packs = await namesIn(bucket, 'packs/')
    const { name } = await condemn(
      bucket,
      packs.map((pack) => idInName(pack)!),
    )
    await writeAll(await Repository.open(bucket))
    await bucket.delete(name)
    const newer = (await namesIn(bucket, 'packs/')).filter((pack) => !packs.includes(pack))
    for (const harmed of [packs, newer]) {
      const before = await Promise.all(harmed.map(async (pack) => bucket.get(pack)))
      for (const damage of ['gone', 'damaged']) {
        for (const [n, pack] of harmed.entries()) {
          if (damage === 'gone') await bucket.delete(pack)
          else
            await bucket.put(
              pack,
              before[n]!.map((byte) => byte ^ 1),
            )
        }
        const repository = await Repository.open(bucket)
        for (const [n, id] of ids.entries())
          assert.deepEqual(Buffer.from(await repository.get(id)), Buffer.from(contents[n]!))
        repository.close()
      }
      for (const [n, pack] of harmed.entries()) await bucket.put(pack, before[n]!)
    }
  })

  test('one caller giving up does not make others of the same block fail', async () => {
    const { bucket, ids } = await make()
    const faulty = new FaultyBucket(bucket)
    const repository = await Repository.open(faulty)
    await repository.ready()
    let gets = 0
    faulty.plan = ({ method }) => (method === 'get' && gets++ === 0 ? { kind: 'hang' } : undefined)
    const controller = new AbortController()
    const first = repository.get(ids[40]!, { signal: controller.signal })
    const second = repository.get(ids[41]!)
    controller.abort()
    await assert.rejects(first, (error) => isTidemarkError(error, 'cancelled'))
    assert.equal((await second).length, contents[41]!.length)
    repository.close()
  })
})
