/**
 * Writes the test vectors of docs/format/sketch.md to test/golden/sketch/. They are golden: run this to add a
 * vector, never to make a failing test pass.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { encodeComparison, encodePush, writeItem } from '../src/exchange/wire.ts'
import { Writer } from '../src/bytes/writer.ts'
import { toHex } from '../src/bytes/hex.ts'
import { cellsOf, maxHits } from '../src/reconcile/mapping.ts'
import {
  checkOf,
  encodeSketch,
  general,
  identify,
  idToHex,
  large,
  sha256,
  Sketch,
  sketchKey,
} from '../src/reconcile/index.ts'

const directory = new URL('../test/golden/sketch/', import.meta.url)
const encoder = new TextEncoder()
const salt = Uint8Array.from({ length: 16 }, (_, at) => 0xa0 + at)
const key = sketchKey(salt)
const profiles = [general, large]
const texts = ['', 'a', 'key0:value0', 'key1:value1', 'some ☁', 'x'.repeat(100)]

/** A 32-bit word as it stands in a file. */
function wordHex(word: number): string {
  return toHex(new Uint8Array(Int32Array.of(word).buffer))
}

function itemVector(text: string): object {
  const digest = sha256(encoder.encode(text))
  const id = new Int32Array(2)
  identify(key, new Int32Array(digest.buffer), 0, 1, id)
  const [lo, hi] = [id[0]!, id[1]!]
  const hits = new Int32Array(maxHits)
  const cells = profiles.map((profile) => [
    profile.name,
    Array.from(hits.subarray(0, cellsOf(profile, lo, hi, 4096, hits))),
  ])
  return {
    text,
    digest: toHex(digest),
    id: idToHex(lo, hi),
    check: wordHex(checkOf(key, lo, hi)),
    cells: Object.fromEntries(cells),
  }
}

function sketchOf(count: number, size: number, profile = general): Sketch {
  const sketch = new Sketch({ salt: key, size, profile })
  for (let item = 0; item < count; item++) sketch.add(sha256(encoder.encode(`key${item}:value${item}`)))
  return sketch
}

function sketchVector(count: number, size: number, profile = general): object {
  return {
    profile: profile.name,
    items: count,
    cells: size,
    file: toHex(encodeSketch(sketchOf(count, size, profile))),
  }
}

const items = new Writer()
for (const item of [encoder.encode('a'), undefined, encoder.encode('')]) writeItem(items, item)
const ids = Int32Array.of(1, 2, -3, 4)
const bodies = {
  items: { of: ['a', null, ''], body: toHex(items.finish()) },
  push: {
    added: ['a', ''],
    removed: [idToHex(1, 2), idToHex(-3, 4)],
    body: toHex(encodePush({ added: [encoder.encode('a'), encoder.encode('')], removed: ids })),
  },
  comparison: {
    equal: toHex(encodeComparison({ kind: 'equal' })),
    more300: toHex(encodeComparison({ kind: 'more', cells: 300 })),
    difference: {
      root: 'of the sketch of 3 items below',
      added: [idToHex(1, 2)],
      items: ['a'],
      removed: [idToHex(-3, 4)],
      body: toHex(
        encodeComparison({
          kind: 'difference',
          root: sketchOf(3, 1).root,
          added: ids.slice(0, 2),
          items: [encoder.encode('a')],
          removed: ids.slice(2),
        }),
      ),
    },
  },
}

mkdirSync(directory, { recursive: true })
writeFileSync(
  new URL('vectors.json', directory),
  `${JSON.stringify(
    {
      salt: toHex(salt),
      key: Array.from(key.words, wordHex),
      items: texts.map(itemVector),
      sketches: [
        sketchVector(0, 1),
        sketchVector(1, 1),
        sketchVector(3, 17),
        sketchVector(50, 40),
        sketchVector(50, 40, large),
        sketchVector(1000, 300),
        sketchVector(1000, 300, large),
      ],
      bodies,
    },
    null,
    1,
  )}\n`,
)
writeFileSync(new URL('keys-1000.sketch', directory), encodeSketch(sketchOf(1000, 256)))
writeFileSync(new URL('keys-1000-large.sketch', directory), encodeSketch(sketchOf(1000, 256, large)))
