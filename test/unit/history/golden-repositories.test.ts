import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { prune } from '../../../src/history/prune.ts'
import { repair } from '../../../src/history/repair.ts'
import { verify } from '../../../src/history/verify.ts'
import { idToHex } from '../../../src/object/id.ts'
import { DirectoryBucket } from '../../../src/store/directory-bucket.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { Repository } from '../../../src/store/repository/repository.ts'
import { readSnapshot } from '../../suites/repository-builder.ts'

/** Written by scripts/make-golden-repositories.ts with version 1 of the format; they stay as they are. */
const folder = join(import.meta.dirname, '../../golden/repositories')
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -5))

async function load(name: string): Promise<MemoryBucket> {
  const source = new DirectoryBucket(join(folder, name))
  const bucket = new MemoryBucket()
  for await (const { name } of source.list('')) await bucket.put(name, await source.get(name))
  return bucket
}

suite('golden repositories', () => {
  test('of version 1 are read as they were written', async () => {
    const repository = await Repository.open(await load('whole'))
    const read = new Map<string, unknown>()
    for (const id of await repository.snapshots.list()) {
      const { message, tags, parents } = await repository.snapshots.read(id)
      const plan = JSON.parse(JSON.stringify(await readSnapshot(repository, id))) as Record<string, unknown>
      read.set(message, { plan, tags, parents: parents.length })
    }
    const directory = {
      also: 'shared\n',
      deep: { läng: 'a line of text\n'.repeat(400) },
      'same twice': 'shared\n',
    }
    const first = { 'a file': 'the first content\n', directory, empty: '', 'empty directory': {} }
    const second = { ...first, 'a file': 'the second content\n', new: 'x'.repeat(3000) }
    assert.deepEqual(read.get(''), { plan: first, tags: ['first'], parents: 0 })
    assert.deepEqual(read.get('the second'), { plan: second, tags: [], parents: 1 })
    repository.close()
  })

  for (const name of names) {
    test(`${name}: its damage is found`, async () => {
      const { findings } = await verify(await load(name), { data: true })
      const found = findings.map(({ code, where, affected }) => ({
        code,
        where,
        affected: affected.map(({ snapshot, path, what }) => [idToHex(snapshot), path, what]),
      }))
      const expected: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
      assert.deepEqual(sorted(found), sorted(expected as Found[]))
    })

    test(`${name}: repaired and pruned, it is whole`, async () => {
      const bucket = await load(name)
      await repair(bucket, { data: true, replace: true, dropDamaged: true })
      const repository = await Repository.open(bucket)
      await prune(repository)
      repository.close()
      const { findings } = await verify(bucket, { data: true })
      const left = findings.map(({ code }) => code).filter((code) => code !== 'foreign')
      assert.deepEqual(left, name === 'wrong-totals' ? ['totals-differ'] : [])
    })
  }
})

interface Found {
  readonly code: string
  readonly where: string
  readonly affected: readonly (readonly string[])[]
}

/** Findings and paths come in the order in which names are listed, which is nobody's business. */
function sorted(findings: readonly Found[]): Found[] {
  return findings
    .map((one) => ({ ...one, affected: one.affected.toSorted(byText) }))
    .toSorted((a, b) => byText([a.where, a.code], [b.where, b.code]))
}

function byText(a: readonly string[], b: readonly string[]): number {
  const [left, right] = [a.join('\n'), b.join('\n')]
  return left < right ? -1 : Number(left > right)
}
