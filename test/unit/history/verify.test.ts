import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import type { Finding } from '../../../src/history/finding.ts'
import { prune } from '../../../src/history/prune.ts'
import { verify } from '../../../src/history/verify.ts'
import { blockFlags } from '../../../src/object/block.ts'
import { encodeConfig } from '../../../src/object/config.ts'
import { idOf, type Id } from '../../../src/object/id.ts'
import { SegmentBuilder } from '../../../src/object/segment-builder.ts'
import type { Bucket } from '../../../src/store/bucket.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { condemn } from '../../../src/store/repository/condemned.ts'
import { readPackFooter } from '../../../src/store/repository/pack-reader.ts'
import { idInName } from '../../../src/store/repository/place.ts'
import { Repository } from '../../../src/store/repository/repository.ts'
import { flip, namesIn, rewrite } from '../../suites/damage.ts'
import { seededRandom } from '../../suites/random.ts'
import { snapshotOf, writeSnapshot, writeTree } from '../../suites/repository-builder.ts'

const plan = {
  a: 'alpha',
  d: { b: 'beta '.repeat(1000), deep: { c: 'gamma' } },
  ...Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`many-${n}`, `${n}`])),
}

interface Made {
  readonly bucket: Bucket
  readonly snapshots: readonly Id[]
  /** Names of the first snapshot's packs. */
  readonly data: string
  readonly metadata: string
}

/** Two snapshots; only the first has the contents of `plan`. */
async function make(): Promise<Made> {
  const bucket = new MemoryBucket()
  const repository = await Repository.create(bucket)
  const one = await writeSnapshot(repository, plan)
  const packs = await namesIn(bucket, 'packs/')
  const two = await writeSnapshot(repository, { ...plan, a: 'changed' }, { time: 1, parents: [one] })
  const sorted = { data: '', metadata: '' }
  for (const name of packs) {
    const blocks = await readPackFooter(bucket, idInName(name)!, (await bucket.get(name)).length)
    sorted[(blocks[0]!.flags & blockFlags.metadata) > 0 ? 'metadata' : 'data'] = name
  }
  return { bucket, snapshots: [one, two], ...sorted }
}

function codes(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ code }) => code))].toSorted()
}

suite('verify', () => {
  test('finds nothing in a whole repository', async () => {
    const { bucket } = await make()
    const report = await verify(bucket, { data: true })
    assert.deepEqual(report.findings, [])
    assert.deepEqual([report.whole, report.snapshots, report.packs], [true, 2, 4])
    const sizes = (await Array.fromAsync(bucket.list('packs/'))).map(({ size }) => size)
    assert.equal(
      report.bytesRead,
      sizes.reduce((a, b) => a + b),
    )
  })

  test('reads each pack in just one part of a subset', async () => {
    const { bucket } = await make()
    const whole = await verify(bucket, { data: true })
    let read = 0
    for (const part of [1, 2, 3]) read += (await verify(bucket, { data: true, subset: [part, 3] })).bytesRead
    assert.equal(read, whole.bytesRead)
  })

  test('finds any byte that was changed in a pack', async () => {
    const bucket = new MemoryBucket()
    const repository = await Repository.create(bucket)
    // What does not compress, in several chunks: of a compressed block a byte may change and mean the same.
    const random = seededRandom(7)
    const noise = Uint8Array.from({ length: 2500 }, () => random() * 256)
    const before = await namesIn(bucket, 'packs/')
    await writeSnapshot(repository, { noise })
    const packs = (await namesIn(bucket, 'packs/')).filter((name) => !before.includes(name))
    for (const name of packs) {
      const whole = await bucket.get(name)
      const id = idInName(name)!
      const blocks = await readPackFooter(bucket, id, whole.length)
      if ((blocks[0]!.flags & (blockFlags.metadata | blockFlags.zstd)) > 0) continue
      const places = Array.from({ length: whole.length }, (_, at) => at)
      for (const at of places.filter((at) => at < 64 || at > 2500 || at % 13 === 0)) {
        const changed = whole.slice()
        changed[at]! ^= 0x10
        await bucket.put(name, changed)
        assert.ok((await verify(bucket, { data: true })).findings.length > 0, `byte ${at}`)
      }
      await bucket.put(name, whole)
      assert.deepEqual((await verify(bucket, { data: true })).findings, [])
      return
    }
    assert.fail('there was no such pack')
  })

  test('names the files that a missing pack takes away, in each snapshot', async () => {
    const { bucket, data, snapshots } = await make()
    await bucket.delete(data)
    const { findings, whole } = await verify(bucket)
    assert.equal(whole, false)
    assert.deepEqual(codes(findings), ['pack-missing'])
    const [finding] = findings
    const paths = (id: Id): string[] =>
      finding!.affected.filter(({ snapshot }) => snapshot === id).map(({ path }) => path)
    assert.ok(paths(snapshots[0]!).includes('a') && paths(snapshots[0]!).includes('d/deep/c'))
    assert.ok(!paths(snapshots[1]!).includes('a') && paths(snapshots[1]!).includes('d/deep/c'))
    assert.equal(finding!.affectedCount, 603 + 602)
  })

  test('names the directories when it held trees', async () => {
    const { bucket, metadata, snapshots } = await make()
    await bucket.delete(metadata)
    const { findings } = await verify(bucket)
    const whole = findings.flatMap(({ affected }) => affected).filter(({ what }) => what === 'directory')
    assert.ok(whole.some(({ snapshot, path }) => snapshot === snapshots[0] && path === ''))
    assert.ok(whole.some(({ snapshot, path }) => snapshot === snapshots[1] && path === 'd'))
  })

  test('finds a flipped bit anywhere in a pack when it reads the data', async () => {
    const { bucket, data } = await make()
    const { length } = await bucket.get(data)
    for (let at = 0; at < length; at += 397) {
      await rewrite(bucket, data, flip(at))
      const report = await verify(bucket, { data: true })
      assert.ok(
        report.findings.some(({ code, where }) => code === 'pack-damaged' && where === data),
        `byte ${at}`,
      )
      await rewrite(bucket, data, flip(at))
    }
    assert.equal((await verify(bucket, { data: true })).whole, true)
  })

  test('finds a damaged footer, and that nothing is lost by it', async () => {
    const { bucket, data } = await make()
    await rewrite(bucket, data, flip(-30))
    const { findings } = await verify(bucket)
    assert.deepEqual(codes(findings), ['footer-damaged'])
    assert.equal(findings[0]!.affectedCount, 0)
  })

  test('finds a pack that was cut off, and what was behind the cut', async () => {
    const { bucket, data } = await make()
    await rewrite(bucket, data, (bytes) => bytes.subarray(0, 300))
    const { findings } = await verify(bucket)
    assert.deepEqual(codes(findings), ['footer-damaged', 'pack-size'])
    assert.ok(findings.find(({ code }) => code === 'pack-size')!.affectedCount > 600)
    const read = await verify(bucket, { data: true })
    const { message } = read.findings.find(({ code }) => code === 'pack-damaged')!
    assert.match(message, /every chunk that is left is whole/)
  })

  test('finds a damaged segment, and goes on without it', async () => {
    const { bucket } = await make()
    const [segment] = await namesIn(bucket, 'index/')
    await rewrite(bucket, segment!, flip(100))
    const { findings } = await verify(bucket)
    assert.ok(findings.some(({ code, where }) => code === 'segment-damaged' && where === segment))
    assert.ok(codes(findings).includes('chunk-missing'))
  })

  test('finds an index that says other than the packs', async () => {
    const { bucket, data } = await make()
    const pack = idInName(data)!
    const blocks = await readPackFooter(bucket, pack, (await bucket.get(data)).length)
    for (const segment of await namesIn(bucket, 'index/')) {
      const packs = (await namesIn(bucket, 'packs/')).map((name) => idInName(name)!)
      assert.ok(packs.includes(pack))
      // The same as before, but for one chunk that has moved by a byte, and one that never was.
      const builder = new SegmentBuilder()
      const size = (await bucket.get(data)).length
      const moved = blocks.map((block) => ({
        ...block,
        chunks: block.chunks.map((chunk, n) => (n === 1 ? { ...chunk, length: chunk.length + 1 } : chunk)),
      }))
      builder.addWholePack(pack, size, moved)
      const bytes = builder.finish([idInName(segment)!])
      await bucket.put(`index/${Buffer.from(idOf(bytes), 'latin1').toString('hex')}`, bytes)
      break
    }
    assert.ok(codes((await verify(bucket)).findings).includes('index-differs'))
  })

  test('lets a segment leave out a chunk that another segment has, and no other', async () => {
    const bucket = new MemoryBucket()
    const repositories = [await Repository.create(bucket), await Repository.open(bucket)]
    // Two writers at once: each stores the chunk.
    const writers = await Promise.all(repositories.map((repository) => repository.write()))
    for (const writer of writers) await writer.publish(snapshotOf(await writeTree(writer, { a: 'shared' })))
    for (const writer of writers) await writer.close()
    const shared = idOf(new TextEncoder().encode('shared'))
    for (const [n, name] of (await namesIn(bucket, 'index/')).entries()) {
      const builder = new SegmentBuilder()
      for (const pack of await namesIn(bucket, 'packs/')) {
        const id = idInName(pack)!
        const size = (await bucket.get(pack)).length
        const blocks = await readPackFooter(bucket, id, size)
        const others = blocks.map((block) => ({
          ...block,
          chunks: block.chunks.filter((chunk) => chunk.id !== shared),
        }))
        builder.addWholePack(id, size, others)
      }
      const bytes = builder.finish([idInName(name)!])
      await bucket.put(`index/${Buffer.from(idOf(bytes), 'latin1').toString('hex')}`, bytes)
      const { findings, whole } = await verify(bucket)
      assert.equal(codes(findings).includes('index-differs'), n === 1)
      assert.equal(whole, n === 0)
    }
    // Once nobody needs it, it is no harm.
    for (const name of await namesIn(bucket, 'snapshots/')) await bucket.delete(name)
    const { findings, whole } = await verify(bucket)
    assert.ok(whole && codes(findings).includes('index-differs'))
  })

  test('finds a damaged snapshot', async () => {
    const { bucket } = await make()
    const [snapshot] = await namesIn(bucket, 'snapshots/')
    await rewrite(bucket, snapshot!, flip(20))
    const { findings } = await verify(bucket)
    assert.deepEqual(
      findings.map(({ code, where }) => [code, where]),
      [['snapshot-damaged', snapshot]],
    )
  })

  test('finds a damaged configuration, a damaged record, strange files, packs of no use', async () => {
    const { bucket } = await make()
    await rewrite(bucket, 'config', flip(0))
    const { name } = await condemn(bucket, ['x'.repeat(32)])
    await rewrite(bucket, name, flip(5))
    await bucket.put('notes.txt', new Uint8Array(3))
    await bucket.put(`packs/aa/${'aa'.repeat(32)}`, new Uint8Array(3))
    const { findings } = await verify(bucket)
    assert.deepEqual(codes(findings), ['config-damaged', 'foreign', 'pack-unindexed', 'record-damaged'])
    assert.deepEqual(
      findings.filter(({ harm }) => !harm).map(({ code }) => code),
      ['foreign', 'pack-unindexed'],
    )
  })

  test('finds sizes and counts that do not add up, and trees that are none', async () => {
    const bucket = new MemoryBucket()
    const repository = await Repository.create(bucket)
    const writer = await repository.write()
    const root = await writeTree(writer, { a: 'one', d: { b: 'two' } })
    await writer.publish(snapshotOf({ ...root, count: root.count + 1 }))
    assert.deepEqual(codes((await verify(bucket)).findings), ['totals-differ'])
    const none = new TextEncoder().encode('no tree')
    await writer.put(idOf(none), none)
    await writer.publish(snapshotOf({ ...root, content: { depth: 0, id: idOf(none) } }))
    assert.deepEqual(codes((await verify(bucket)).findings), ['totals-differ', 'tree-damaged'])
    await writer.close()
  })

  test('a chunk with another whole copy is not lost', async () => {
    const { bucket, data, metadata } = await make()
    const packs = [data, metadata].map((name) => idInName(name)!)
    const { name } = await condemn(bucket, packs)
    await writeSnapshot(await Repository.open(bucket), plan, { time: 2 })
    await bucket.delete(name)
    await bucket.delete(data)
    const { findings } = await verify(bucket)
    assert.deepEqual(codes(findings), ['pack-missing'])
    assert.equal(findings[0]!.affectedCount, 0)
  })

  test('is content with what a prune leaves at any moment', async () => {
    const { bucket, snapshots } = await make()
    const repository = await Repository.open(bucket)
    await repository.snapshots.delete(snapshots[0]!)
    const writer = await repository.write()
    await prune(repository)
    assert.equal((await verify(bucket, { data: true })).whole, true)
    await writer.close()
    await prune(repository, { deadShare: 0 })
    assert.deepEqual((await verify(bucket, { data: true })).findings, [])
  })

  test('says missing where there is no repository, unsupported for a newer one', async () => {
    const bucket = new MemoryBucket()
    await assert.rejects(verify(bucket), (error) => isTidemarkError(error, 'missing'))
    const config = encodeConfig((await Repository.create(bucket)).config)
    const newer = new TextDecoder().decode(config).replace('"version": 1', '"version": 2')
    await bucket.put('config', new TextEncoder().encode(newer))
    await assert.rejects(verify(bucket), (error) => isTidemarkError(error, 'unsupported'))
  })
})
