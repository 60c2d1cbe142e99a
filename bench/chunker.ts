/**
 * The chunker: speed of both kernels by class and kind of data, sizes of the chunks, and how many of them an inserted byte
 * changes. Prints Markdown tables. Takes about ten seconds.
 */
import { createHash, randomFillSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chunkClasses } from '../src/object/chunk-class.ts'
import type { ChunkClass } from '../src/object/chunk-class.ts'
import { createPlainChunker, createWasmChunker } from '../src/object/chunker.ts'
import type { Chunker } from '../src/object/chunker.ts'

const MiB = 1 << 20
const total = 32 * MiB
/** As much as a caller works on at a time: read just before, so in the processor's cache. */
const window = 8 * MiB
const wasm = createWasmChunker(total + 1)
const plain = createPlainChunker(total + 1)
if (wasm === undefined) throw new Error('no WebAssembly with SIMD here')

const contents: ReadonlyArray<readonly [string, Uint8Array]> = [
  ['random', randomFillSync(new Uint8Array(total))],
  ['text', sourceText()],
  ['program', readFileSync(process.execPath).subarray(-total)],
  ['zeros', new Uint8Array(total)],
]

/** The JavaScript, TypeScript and Markdown files of the packages beside this one, one after the other. */
function sourceText(): Uint8Array {
  const root = fileURLToPath(new URL('../node_modules/', import.meta.url))
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const files: Buffer[] = []
  let length = 0
  for (const name of names.toSorted()) {
    if (length >= total || !/\.(?:m?js|ts|md|json)$/.test(name)) continue
    const bytes = readFileSync(root + name)
    files.push(bytes)
    length += bytes.length
  }
  return new Uint8Array(Buffer.concat(files).subarray(0, total))
}

function cutAll(chunker: Chunker, length: number, size: ChunkClass): number[] {
  const lengths: number[] = []
  for (let at = 0; at < length;) {
    const end = chunker.cut(at, length, size)
    lengths.push(end - at)
    at = end
  }
  return lengths
}

/** Of the best of some runs, in GB/s. */
function speed(chunker: Chunker, length: number, size: ChunkClass, runs: number): string {
  let best = Infinity
  for (let run = 0; run < runs; run++) {
    const start = process.cpuUsage()
    cutAll(chunker, length, size)
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, user + system)
  }
  return (length / best / 1000).toFixed(2)
}

/** Chunks that are new after one byte is inserted: mean and largest number over some places. */
function resynchronise(chunker: Chunker, content: Uint8Array, size: ChunkClass, trials: number): string {
  const names = (bytes: Uint8Array): string[] => {
    chunker.memory.set(bytes)
    let at = 0
    return cutAll(chunker, bytes.length, size).map((length) => {
      at += length
      return createHash('sha1')
        .update(bytes.subarray(at - length, at))
        .digest('latin1')
    })
  }
  const before = new Set(names(content))
  const counts = Array.from({ length: trials }, (_, trial) => {
    const at = Math.floor((content.length * (trial + 1)) / (trials + 1))
    const edited = Buffer.concat([content.subarray(0, at), Buffer.of(trial), content.subarray(at)])
    return new Set(names(edited)).difference(before).size
  })
  return `${(counts.reduce((a, b) => a + b) / trials).toFixed(2)} / ${Math.max(...counts)}`
}

function spread(lengths: readonly number[]): string {
  const mean = lengths.reduce((a, b) => a + b) / lengths.length
  const deviation = Math.sqrt(lengths.reduce((a, b) => a + (b - mean) ** 2, 0) / lengths.length)
  return `${(mean / 1024).toFixed(0)} ± ${(deviation / 1024).toFixed(0)}`
}

console.log('| data | average | wasm GB/s | plain GB/s | mean ± sd KiB | at max | new chunks, mean / most |')
console.log('|---|---|---|---|---|---|---|')
for (const [name, content] of contents) {
  for (const size of chunkClasses.slice(0, 3)) {
    for (const chunker of [wasm, plain]) chunker.memory.set(content)
    const lengths = cutAll(wasm, content.length, size)
    const atMax = lengths.filter((length) => length === size.max).length / lengths.length
    const row = [
      name,
      `${size.average / 1024} KiB`,
      speed(wasm, Math.min(window, content.length), size, 50),
      speed(plain, Math.min(window, content.length), size, 10),
      spread(lengths),
      `${(100 * atMax).toFixed(1)} %`,
      resynchronise(wasm, content, size, 12),
    ]
    console.log(`| ${row.join(' | ')} |`)
  }
}
