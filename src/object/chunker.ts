import type { ChunkSize } from './chunk-class.ts'
import { plainKernel } from './chunker-plain.ts'
import { wasmKernel } from './chunker-wasm.ts'

/**
 * Cuts contents into chunks where the bytes themselves say so, as docs/format/chunker.md specifies. Two
 * chunkers give the same cuts whatever their kernel.
 */
export interface Chunker {
  /**
   * The bytes that {@link Chunker.cut} looks at: the caller reads contents into them, and hashes and compresses
   * chunks where they lie. Never grows or moves.
   */
  readonly memory: Uint8Array<ArrayBuffer>
  readonly kernel: 'wasm' | 'plain'
  /**
   * The end of the chunk that starts at `start`, both offsets in `memory`. The bytes of the content are in
   * `[start, end)`, `start < end <= memory.length`, and either the content ends at `end` or at least
   * `size.max` bytes are there: the answer is only right under that condition. Holds no state: a cut depends on
   * the chunk's own bytes and on nothing before them. Writes nothing.
   */
  cut(start: number, end: number, size: ChunkSize): number
}

/**
 * A chunker over `memoryBytes` bytes of fresh memory (a little more, where memory comes in pages). Where
 * WebAssembly with SIMD is missing, or its memory refused, the plain kernel serves.
 */
export function createChunker(memoryBytes: number): Chunker {
  return createWasmChunker(memoryBytes) ?? createPlainChunker(memoryBytes)
}

/** The same on the WebAssembly kernel only; undefined where that cannot run. */
export function createWasmChunker(memoryBytes: number): Chunker | undefined {
  const kernel = wasmKernel(memoryBytes)
  if (kernel === undefined) return undefined
  const { memory, cut } = kernel
  return {
    memory,
    kernel: 'wasm',
    cut: (start, end, size) => cut(start, end, size.min, size.average, size.max),
  }
}

/** The same on the plain kernel only. */
export function createPlainChunker(memoryBytes: number): Chunker {
  return { ...plainKernel(memoryBytes), kernel: 'plain' }
}
