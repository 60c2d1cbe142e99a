import { linesWasm } from './lines-wasm-bytes.ts'

/** What wasm/lines.ts exports. Addresses and lengths are bytes; true is 1. */
interface Exports {
  countLines(start: number, end: number): number
  prepare(): number
  finish(): number
  begin(start: number, end: number, first: number, second: number, lines: number): void
  apply(start: number, end: number, strict: number, back: number): number
  textLength(): number
  writeText(to: number): void
}

/** The part of the WebAssembly interface that is used here: TypeScript has it only among a browser's types. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number }) => Memory
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

const pageSize = 65_536
/** Work that needs more memory is left to the plain twins. */
const mostMemory = 2 ** 30
/** A kernel with more memory is not kept for the next use. */
const keptMemory = 2 ** 26

let module: object | undefined
let idle: LinesKernel | undefined

/**
 * The kernel of wasm/lines.ts. It does what compare-lines.ts and replay.ts do, byte for byte, and is as fast when it runs
 * for the first time as later: a process that lives for one version gains most.
 */
export class LinesKernel {
  readonly exports: Exports
  readonly #memory: Memory

  private constructor(memory: Memory) {
    this.#memory = memory
    this.exports = new WebAssembly.Instance(module!, { env: { memory } }).exports as Exports
  }

  /** A kernel that nobody else uses; undefined where WebAssembly is missing. */
  static take(): LinesKernel | undefined {
    const kept = idle
    idle = undefined
    if (kept !== undefined) return kept
    try {
      module ??= new WebAssembly.Module(Buffer.from(linesWasm, 'base64'))
      return new LinesKernel(new WebAssembly.Memory({ initial: 16 }))
    } catch {
      return undefined
    }
  }

  /** Gives a kernel back, for the next to take. The caller uses it no more. */
  static release(kernel: LinesKernel): void {
    if (kernel.#memory.buffer.byteLength <= keptMemory) idle = kernel
  }

  /** Sees to `bytes` of memory; false when that is too much. What `memory` returned before is void then. */
  reserve(bytes: number): boolean {
    const more = bytes - this.#memory.buffer.byteLength
    if (more <= 0) return true
    if (bytes > mostMemory) return false
    try {
      this.#memory.grow(Math.ceil(more / pageSize))
      return true
    } catch {
      return false
    }
  }

  /** A view of the memory; good until the next {@link reserve}. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer)
  }

  get words(): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#memory.buffer)
  }
}
