import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite, test } from 'node:test'
import { fromHex, toHex } from '../../../src/bytes/hex.ts'
import {
  checkOf,
  decodeSketch,
  encodeSketch,
  identify,
  idToHex,
  plainKernel,
  profiles,
  sha256,
  Sketch,
  sketchKey,
  wasmKernel,
} from '../../../src/reconcile/index.ts'
import { cellsOf, maxHits } from '../../../src/reconcile/mapping.ts'
import {
  decodeComparison,
  decodeItems,
  decodePush,
  encodeComparison,
  encodePush,
} from '../../../src/exchange/wire.ts'
import { requireTool } from '../../require.ts'

const directory = new URL('../../golden/sketch/', import.meta.url)

interface Vectors {
  salt: string
  key: string[]
  items: {
    text: string
    digest: string
    id: string
    check: string
    cells: Record<'general' | 'large', number[]>
  }[]
  sketches: { profile: 'general' | 'large'; items: number; cells: number; file: string }[]
  bodies: {
    items: { body: string }
    push: { body: string }
    comparison: { equal: string; more300: string; difference: { body: string } }
  }
}

const vectors = JSON.parse(readFileSync(new URL('vectors.json', directory), 'utf8')) as Vectors
const key = sketchKey(fromHex(vectors.salt)!)
const encoder = new TextEncoder()

function wordHex(word: number): string {
  return toHex(new Uint8Array(Int32Array.of(word).buffer))
}

function digestsOf(count: number): Uint8Array {
  const digests = new Uint8Array(32 * count)
  for (let at = 0; at < count; at++) sha256(encoder.encode(`key${at}:value${at}`), digests, 32 * at)
  return digests
}

suite('the vectors of docs/format/sketch.md', () => {
  test('SHA-256', () => {
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, at) => at * 13)
      assert.equal(toHex(sha256(bytes)), createHash('sha256').update(bytes).digest('hex'))
    }
  })

  test('key, ids, checks and cells', () => {
    assert.deepEqual(Array.from(key.words, wordHex), vectors.key)
    const id = new Int32Array(2)
    const hits = new Int32Array(maxHits)
    for (const item of vectors.items) {
      const digest = sha256(encoder.encode(item.text))
      assert.equal(toHex(digest), item.digest)
      identify(key, new Int32Array(digest.buffer), 0, 1, id)
      assert.equal(idToHex(id[0]!, id[1]!), item.id)
      assert.equal(wordHex(checkOf(key, id[0]!, id[1]!)), item.check)
      for (const name of ['general', 'large'] as const) {
        const found = cellsOf(profiles[name], id[0]!, id[1]!, 4096, hits)
        assert.deepEqual(Array.from(hits.subarray(0, found)), item.cells[name])
      }
    }
  })

  for (const [name, kernel] of [
    ['plain', plainKernel],
    ['WebAssembly', wasmKernel()!],
  ] as const) {
    test(`sketch files, by the ${name} kernel`, () => {
      for (const { profile, items, cells: size, file } of vectors.sketches) {
        const sketch = new Sketch({ salt: key, size, profile: profiles[profile], kernel })
        sketch.addAll(digestsOf(items))
        assert.equal(toHex(encodeSketch(sketch)), file)
        assert.deepEqual(decodeSketch(fromHex(file)!).cells, sketch.cells)
      }
      for (const [name, profile] of [
        ['keys-1000', profiles.general],
        ['keys-1000-large', profiles.large],
      ] as const) {
        const sketch = new Sketch({ salt: key, size: 256, profile, kernel }).addAll(digestsOf(1000))
        const golden = new Uint8Array(readFileSync(new URL(`${name}.sketch`, directory)))
        assert.deepEqual(encodeSketch(sketch), golden)
      }
    })
  }

  test('bodies of the exchange', () => {
    const { items, push, comparison } = vectors.bodies
    assert.deepEqual(decodeItems(fromHex(items.body)!, 3), [
      encoder.encode('a'),
      undefined,
      new Uint8Array(0),
    ])
    assert.equal(toHex(encodePush(decodePush(fromHex(push.body)!))), push.body)
    for (const body of [comparison.equal, comparison.more300, comparison.difference.body]) {
      assert.equal(toHex(encodeComparison(decodeComparison(fromHex(body)!))), body)
    }
  })

  test('a second implementation agrees, in Python', (t) => {
    const found = spawnSync('python3', ['--version']).status === 0
    if (!requireTool(t, found, 'python3 is not installed')) return
    const script = fileURLToPath(new URL('reference.py', directory))
    const { status, stdout, stderr } = spawnSync('python3', [script], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.equal(stdout, 'all vectors agree\n')
  })
})
