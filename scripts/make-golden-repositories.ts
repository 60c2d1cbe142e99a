/**
 * Makes the repositories under test/golden/repositories: one that is whole, and for each kind of damage one
 * that has it, with what verification must find in it. They are made once for each version of the format and
 * stay for ever: run this only to add some. Names that are there are left alone.
 *
 *     node scripts/make-golden-repositories.ts
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FindingCode } from '../src/history/finding.ts'
import { verify } from '../src/history/verify.ts'
import { blockFlags } from '../src/object/block.ts'
import { idToHex } from '../src/object/id.ts'
import type { Bucket } from '../src/store/bucket.ts'
import { DirectoryBucket } from '../src/store/directory-bucket.ts'
import { MemoryBucket } from '../src/store/memory-bucket.ts'
import { ChunkIndex } from '../src/store/repository/chunk-index.ts'
import { compactIndex } from '../src/store/repository/compaction.ts'
import { condemn } from '../src/store/repository/condemned.ts'
import { readPackFooter } from '../src/store/repository/pack-reader.ts'
import { idInName } from '../src/store/repository/place.ts'
import { Repository } from '../src/store/repository/repository.ts'
import { flip, namesIn, rewrite } from '../test/suites/damage.ts'
import { snapshotOf, writeSnapshot, writeTree } from '../test/suites/repository-builder.ts'

const folder = join(import.meta.dirname, '../test/golden/repositories')

const first = {
  'a file': 'the first content\n',
  directory: { 'same twice': 'shared\n', also: 'shared\n', deep: { läng: 'a line of text\n'.repeat(400) } },
  empty: '',
  'empty directory': {},
}
const second = { ...first, 'a file': 'the second content\n', new: 'x'.repeat(3000) }

interface Names {
  readonly data: string
  readonly metadata: string
  readonly snapshot: string
  readonly segment: string
}

/** The damage, and the codes that must be found, in ascending order. */
type Case = readonly [found: readonly FindingCode[], damage: (bucket: Bucket, names: Names) => Promise<void>]

const cases: Readonly<Record<string, Case>> = {
  whole: [[], async () => {}],
  'missing-data-pack': [['pack-missing'], (bucket, { data }) => bucket.delete(data)],
  'missing-metadata-pack': [['pack-missing'], (bucket, { metadata }) => bucket.delete(metadata)],
  'flipped-bit-in-block': [['pack-damaged'], (bucket, { data }) => rewrite(bucket, data, flip(60))],
  'flipped-bit-in-footer': [
    ['footer-damaged', 'pack-damaged'],
    (bucket, { data }) => rewrite(bucket, data, flip(-40)),
  ],
  'truncated-pack': [
    ['footer-damaged', 'pack-damaged', 'pack-size'],
    (bucket, { data }) => rewrite(bucket, data, (bytes) => bytes.subarray(0, 100)),
  ],
  'missing-segment': [['chunk-missing', 'pack-unindexed'], (bucket, { segment }) => bucket.delete(segment)],
  'damaged-segment': [
    ['chunk-missing', 'pack-unindexed', 'segment-damaged'],
    (bucket, { segment }) => rewrite(bucket, segment, flip(100)),
  ],
  'damaged-snapshot': [['snapshot-damaged'], (bucket, { snapshot }) => rewrite(bucket, snapshot, flip(30))],
  'missing-config': [['config-damaged'], (bucket) => bucket.delete('config')],
  'damaged-record': [
    ['record-damaged'],
    async (bucket) => rewrite(bucket, (await condemn(bucket, ['?'.repeat(32)])).name, flip(3)),
  ],
  'wrong-totals': [
    ['totals-differ'],
    async (bucket) => {
      const writer = await (await Repository.open(bucket)).write()
      const root = await writeTree(writer, second)
      await writer.publish(snapshotOf({ ...root, size: root.size + 1 }, { time: 3 }))
      await writer.close()
    },
  ],
  // A prune was killed after it had condemned packs, and a later snapshot does not rely on them.
  'half-pruned': [
    [],
    async (bucket, { data, metadata }) => {
      await condemn(bucket, [idInName(data)!, idInName(metadata)!])
      await writeSnapshot(await Repository.open(bucket), first, { time: 0 })
      const index = new ChunkIndex(bucket)
      await index.refresh()
      await compactIndex(bucket, index, new Set())
      index.close()
    },
  ],
  'strange-files': [
    ['foreign', 'pack-unindexed'],
    async (bucket) => {
      await bucket.put('readme.txt', new TextEncoder().encode('what is this?\n'))
      await bucket.put(`packs/00/${'00'.repeat(32)}`, new Uint8Array(10))
    },
  ],
}

async function makeBase(): Promise<{ bucket: Bucket; names: Names }> {
  const bucket = new MemoryBucket()
  const repository = await Repository.create(bucket)
  const one = await writeSnapshot(repository, first, { tags: ['first'] })
  const packs = await namesIn(bucket, 'packs/')
  const [segment] = await namesIn(bucket, 'index/')
  await writeSnapshot(repository, second, { time: 1_000_000, parents: [one], message: 'the second' })
  const sorted = { data: '', metadata: '' }
  for (const name of packs) {
    const blocks = await readPackFooter(bucket, idInName(name)!, (await bucket.get(name)).length)
    sorted[(blocks[0]!.flags & blockFlags.metadata) > 0 ? 'metadata' : 'data'] = name
  }
  repository.close()
  return { bucket, names: { ...sorted, segment: segment!, snapshot: `snapshots/${idToHex(one)}` } }
}

for (const [name, [codes, damage]] of Object.entries(cases)) {
  const path = join(folder, name)
  if (existsSync(path)) continue
  const { bucket, names } = await makeBase()
  await damage(bucket, names)
  const { findings } = await verify(bucket, { data: true })
  const found = [...new Set(findings.map(({ code }) => code))].toSorted()
  if (found.join() !== codes.join())
    throw new Error(`${name}: found ${found.join()} instead of ${codes.join()}`)
  const target = new DirectoryBucket(path, { durable: false })
  for await (const { name } of bucket.list('')) await target.put(name, await bucket.get(name))
  const expected = findings.map(({ code, where, affected }) => ({
    code,
    where,
    affected: affected.map(({ snapshot, path, what }) => [idToHex(snapshot), path, what]),
  }))
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(expected, undefined, 1)}\n`)
  console.log(`${name}: ${codes.join(', ') || 'whole'}`)
}
