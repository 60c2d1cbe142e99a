import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { chunkClass, chunkClasses } from '../../../src/object/chunk-class.ts'
import type { ChunkSize } from '../../../src/object/chunk-class.ts'
import { createChunker, createPlainChunker, createWasmChunker } from '../../../src/object/chunker.ts'
import type { Chunker } from '../../../src/object/chunker.ts'
import { chunkerWasm } from '../../../src/object/chunker-wasm-bytes.ts'
import { cutsOf, cutsReference, makeContent, prefilterSum, strongHash } from './chunker-reference.ts'
import type { Part } from './chunker-reference.ts'

interface GoldenCuts {
  readonly algorithm: 'two-level-1'
  readonly size: ChunkSize
  readonly content: readonly Part[]
  readonly cuts: readonly number[]
}

interface GoldenWindows {
  readonly generator: { readonly seed: number; readonly first16: string }
  readonly windows: ReadonlyArray<{ readonly bytes: string; readonly sum: number; readonly hash: number }>
}

const golden = new URL('../../golden/chunker/', import.meta.url)
const small = chunkClass(0)
const memoryBytes = 8 << 20
const wasm = createWasmChunker(memoryBytes)
assert.ok(wasm, 'every supported Node has WebAssembly with SIMD')
const kernels: ReadonlyArray<readonly [string, Chunker]> = [
  ['wasm', wasm],
  ['plain', createPlainChunker(memoryBytes)],
]

function readGolden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, golden), 'utf8'))
}

function lengths(cuts: readonly number[]): number[] {
  return cuts.map((cut, i) => cut - (cuts[i - 1] ?? 0))
}

/** The chunks of `content` as strings that are equal for equal bytes. */
function chunksOf(chunker: Chunker, content: Uint8Array, size: ChunkSize): string[] {
  const cuts = cutsOf(chunker, content, size)
  return cuts.map((cut, i) =>
    createHash('sha1')
      .update(content.subarray(cuts[i - 1] ?? 0, cut))
      .digest('latin1'),
  )
}

suite('chunker golden files', () => {
  for (const name of readdirSync(golden)) {
    if (name === 'windows.json') continue
    const { size, content, cuts } = readGolden(name) as GoldenCuts
    for (const [kernel, chunker] of kernels) {
      test(`${name}, ${kernel}`, () => assert.deepEqual(cutsOf(chunker, makeContent(content), size), cuts))
    }
  }

  test('windows.json, the reference', () => {
    const { generator, windows } = readGolden('windows.json') as GoldenWindows
    const bytes = makeContent([{ kind: 'random', seed: generator.seed, length: 16 }])
    assert.equal(Buffer.from(bytes).toString('hex'), generator.first16)
    for (const { bytes, sum, hash } of windows) {
      const window = Buffer.from(bytes, 'hex')
      assert.deepEqual([prefilterSum(window, 32), strongHash(window, 32)], [sum, hash])
    }
  })

  test('the reference gives the cuts of random-4k.json', () => {
    const { size, content, cuts } = readGolden('random-4k.json') as GoldenCuts
    assert.deepEqual(cutsReference(makeContent(content), size), cuts)
  })
})

suite('the committed WebAssembly', () => {
  test('is what the module carries and what its hash file says', () => {
    const file = readFileSync(new URL('../../../wasm/chunker.wasm', import.meta.url))
    const stated = readFileSync(new URL('../../../wasm/chunker.wasm.sha256', import.meta.url), 'utf8')
    assert.equal(stated, `${createHash('sha256').update(file).digest('hex')}  chunker.wasm\n`)
    assert.equal(chunkerWasm, file.toString('base64'))
  })

  test('is what the source gives', () => {
    const script = fileURLToPath(new URL('../../../scripts/build-wasm.ts', import.meta.url))
    execFileSync(process.execPath, [script, '--check'])
  })
})

suite('createChunker', () => {
  test('takes the WebAssembly kernel, and gives at least the memory asked for', () => {
    const chunker = createChunker(100_000)
    assert.equal(chunker.kernel, 'wasm')
    assert.ok(chunker.memory.length >= 100_000)
    assert.equal(chunker.memory.byteOffset, 0)
  })

  test('serves with the plain kernel where WebAssembly is missing or refuses', () => {
    const given = Reflect.get(globalThis, 'WebAssembly') as object
    const content = makeContent([{ kind: 'random', seed: 20, length: 200_000 }])
    try {
      for (const instead of [undefined, { ...given, Memory: () => assert.fail('refused') }]) {
        Reflect.set(globalThis, 'WebAssembly', instead)
        const chunker = createChunker(200_000)
        assert.equal(chunker.kernel, 'plain')
        assert.equal(chunker.memory.length, 200_000)
        assert.deepEqual(cutsOf(chunker, content, small), cutsOf(wasm, content, small))
      }
    } finally {
      Reflect.set(globalThis, 'WebAssembly', given)
    }
  })

  test('works in a worker thread', async () => {
    const url = new URL('../../../src/object/chunker.ts', import.meta.url).href
    const code = `import { parentPort } from 'node:worker_threads'
      const { createChunker } = await import(${JSON.stringify(url)})
      const chunker = createChunker(100000)
      for (let i = 0; i < 100000; i++) chunker.memory[i] = i * i >> 7
      parentPort.postMessage([chunker.kernel, chunker.cut(0, 100000, ${JSON.stringify(small)})])`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
    const answer = await new Promise((resolve, reject) =>
      worker.once('message', resolve).once('error', reject),
    )
    for (let i = 0; i < 100_000; i++) wasm.memory[i] = (i * i) >> 7
    assert.deepEqual(answer, ['wasm', wasm.cut(0, 100_000, small)])
    await worker.terminate()
  })
})

for (const [kernel, chunker] of kernels) {
  suite(`cuts, ${kernel}`, () => {
    test('random data: sizes within their bounds, close to the average, hardly ever the maximum', () => {
      const content = makeContent([{ kind: 'random', seed: 30, length: 8 << 20 }])
      for (const size of chunkClasses.slice(0, 2)) {
        const sizes = lengths(cutsOf(chunker, content, size))
        const last = sizes.pop() ?? 0
        assert.ok(last > 0 && last <= size.max)
        assert.ok(sizes.every((length) => length >= size.min && length <= size.max))
        const mean = content.length / sizes.length
        assert.ok(mean > 0.9 * size.average && mean < 1.35 * size.average, `a mean of ${mean}`)
        assert.ok(sizes.filter((length) => length === size.max).length <= sizes.length / 100)
        assert.ok(sizes.filter((length) => length < size.average / 2).length <= sizes.length / 6)
      }
    })

    test('an inserted byte changes the chunk it falls in, and seldom the next', () => {
      const content = makeContent([{ kind: 'random', seed: 31, length: 4 << 20 }])
      const before = new Set(chunksOf(chunker, content, small))
      let changed = 0
      const trials = 24
      for (let trial = 1; trial <= trials; trial++) {
        const at = Math.floor((content.length * trial) / (trials + 1))
        const edited = Buffer.concat([content.subarray(0, at), Buffer.of(trial), content.subarray(at)])
        changed += chunksOf(chunker, edited, small).filter((chunk) => !before.has(chunk)).length
      }
      assert.ok(changed >= trials && changed <= 1.3 * trials, `${changed} new chunks after ${trials} inserts`)
    })

    test('no repeated byte is cut before the maximum', () => {
      for (let value = 0; value < 256; value++) {
        chunker.memory.fill(value, 0, small.max + 1)
        assert.equal(chunker.cut(0, small.max + 1, small), small.max, `byte ${value}`)
      }
    })

    test('contents of few different values find cuts all the same', () => {
      for (const alphabet of ['\u0000\u0001', 'ACGT', '01', '0123456789abcdef']) {
        const content = makeContent([{ kind: 'letters', alphabet, seed: 32, length: 2 << 20 }])
        const sizes = lengths(cutsOf(chunker, content, small))
        assert.ok(
          sizes.length > 80 && sizes.length < 250,
          `${sizes.length} chunks of ${JSON.stringify(alphabet)}`,
        )
        assert.ok(sizes.filter((length) => length === small.max).length < sizes.length / 20)
      }
    })

    test('a content that ends with the memory is read no further', () => {
      const end = chunker.memory.length
      for (let length = small.min - 1; length < small.min + 70; length++) {
        const content = makeContent([{ kind: 'repeat', hex: '5a', length }])
        assert.deepEqual(cutsOf(chunker, content, small, end - length), [length])
      }
    })
  })
}
