import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import {
  defaultScheme,
  Filter,
  paddedSelector,
  parseSummary,
  resolve,
  sha1,
  summarizeItems,
  textDeserializer,
  textSerializer,
} from '../../../src/mathsync/index.ts'

const serialize = textSerializer()
const deserialize = textDeserializer()

function golden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../golden/mathsync/${name}`, import.meta.url), 'utf8'))
}

/** What mathsync wrote, to the byte. */
function written(value: unknown): string {
  return JSON.stringify(value)
}

function pairs(count: number, name = 'key'): string[] {
  return Array.from({ length: count }, (_, at) => `${name}${at}:value${at}`)
}

suite("mathsync's vectors", () => {
  test('SHA-1', () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, at) => at * 7)
      assert.equal(Buffer.from(sha1(bytes)).toString('hex'), createHash('sha1').update(bytes).digest('hex'))
    }
  })

  test('the cells that items lie in', () => {
    interface Vector {
      item: string
      seed: number
      raw: number[]
      buckets?: number[]
      sha1?: string
    }
    for (const { item, seed, raw, buckets, sha1: digest } of golden('selector-vectors.json') as Vector[]) {
      const bytes = serialize(item)
      const picks = paddedSelector(sha1, raw.length)(bytes, seed)
      assert.deepEqual(
        picks,
        raw.map((word) => Math.abs(word) % seed),
      )
      if (buckets !== undefined) assert.deepEqual(defaultScheme.selector(bytes, seed), buckets)
      if (digest !== undefined) assert.equal(Buffer.from(sha1(bytes)).toString('hex'), digest)
    }
  })

  test('summaries of text items, level by level', async () => {
    const summarize = summarizeItems(pairs(10), { serialize })
    for (const [name, json] of Object.entries(
      golden('summary-10-items-levels-0-5.json') as Record<string, unknown>,
    )) {
      const level = Number(name.slice(5))
      assert.equal(written(await summarize(level)), written(json), name)
      assert.equal(written(parseSummary(json, defaultScheme, level)), written(json))
    }
    const hundred = summarizeItems(pairs(100), { serialize })
    assert.equal(written(await hundred(6)), written(golden('summary-100-items-level6.json')))
    assert.equal(written(await hundred(7)), written(golden('summary-100-items-level7-full.json')))
  })

  test('summaries of binary items: trailing zeros, the empty item', async () => {
    const vectors = golden('summary-binary-items-levels.json') as Record<string, unknown>
    const items = (vectors['items_hex'] as string[]).map((hex) => new Uint8Array(Buffer.from(hex, 'hex')))
    const summarize = summarizeItems(items, { serialize: (item) => item })
    for (const level of [0, 1, 2, 3]) {
      assert.equal(written(await summarize(level)), written(vectors[`level${level}`]))
    }
    const { added } = (await summarize(3)).toDifference()!
    assert.equal(added.length, 5)
  })

  test("the Java side's summaries", async () => {
    const summarize = summarizeItems(pairs(10), { serialize })
    for (const level of [0, 1, 2, 3]) {
      assert.equal(written(await summarize(level)), written(golden(`java-${level}.json`)))
    }
    // Java lists a full content in the order of its hash table.
    const full = parseSummary(golden('java-4.json'))
    assert.deepEqual(full.toDifference(), (await summarize(4)).toDifference())
  })

  test('plus, minus and the difference of eight cells', () => {
    interface Explicit {
      plus: string[]
      A: unknown
      minus: string[]
      B: unknown
      difference: { added: string[]; removed: string[] }
    }
    const { plus, A, minus, B, difference } = golden('explicit-diff-size8.json') as Explicit
    const a = Filter.empty(8).plusMany(plus.map(serialize))
    assert.equal(written(a), written(A))
    const b = a.minus(...minus.map(serialize))
    assert.equal(written(b), written(B))
    const found = b.toDifference()!
    assert.deepEqual(found.added.map(deserialize), difference.added)
    assert.deepEqual(found.removed.map(deserialize), difference.removed)
  })

  test('the requests of a whole reconciliation, to the byte', async () => {
    interface Trial {
      name: string
      server: number
      client: number
      levels: { level: number; bytes: number }[]
      added: number
      removed: number
      addedItems?: string[]
      removedItems?: string[]
    }
    for (const trial of golden('resolver-trials.json') as Trial[]) {
      const sets = trialSets(trial.name)
      if (sets === undefined) continue
      const summarize = summarizeItems(sets.server, { serialize })
      const levels: Trial['levels'] = []
      const { added, removed } = await resolve({
        local: sets.client,
        serialize,
        deserialize,
        remote: async (level) => {
          const summary = await summarize(level)
          levels.push({ level, bytes: Buffer.byteLength(written(summary)) })
          return summary
        },
      })
      assert.deepEqual(
        levels,
        trial.levels.map(({ level, bytes }) => ({ level, bytes })),
        trial.name,
      )
      assert.equal(added.length, trial.added)
      assert.equal(removed.length, trial.removed)
    }
  })
})

/** The sets of a trial, by its name. */
function trialSets(name: string): { server: string[]; client: string[] } | undefined {
  const client = pairs(1000)
  const both = /^(\d+) added \1 removed$/.exec(name)
  if (both !== null) {
    const count = Number(both[1])
    return { server: [...client.slice(count), ...pairs(count, 'new')], client }
  }
  switch (name) {
    case 'identical':
      return { server: client, client }
    case '1 added':
      return { server: [...client, 'new0:value0'], client }
    case '1 removed':
      return { server: client.slice(1), client }
    case '1 modified':
      return { server: ['key0:changed', ...client.slice(1)], client }
    case 'empty client':
      return { server: client, client: [] }
    case 'empty server':
      return { server: [], client }
    case 'both empty':
      return { server: [], client: [] }
    default:
      return undefined
  }
}
