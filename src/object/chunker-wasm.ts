import { chunkerWasm } from './chunker-wasm-bytes.ts'

type Cut = (start: number, end: number, min: number, average: number, max: number) => number

/** The part of the WebAssembly interface that is used here: TypeScript has it only among a browser's types. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (code: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
}

const pageSize = 65_536

/**
 * The kernel of wasm/chunker.ts over memory of its own of at least `memoryBytes` bytes, or undefined where
 * WebAssembly with SIMD is missing or the memory is refused.
 */
export function wasmKernel(memoryBytes: number): { memory: Uint8Array<ArrayBuffer>; cut: Cut } | undefined {
  try {
    const code = Uint8Array.from(atob(chunkerWasm), (letter) => letter.charCodeAt(0))
    const pages = Math.ceil(memoryBytes / pageSize)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } })
    return { memory: new Uint8Array(memory.buffer), cut: exports['cut'] as Cut }
  } catch {
    return undefined
  }
}
