import { absorb, cellWords, type Kernel } from './absorb.ts'
import { digestWords } from './identify.ts'
import { slotMultipliers, type Profile } from './profile.ts'
import type { SketchKey } from './key.ts'
import { sketchWasm } from './sketch-wasm-bytes.ts'

// Where things lie in the kernel's memory, in bytes. The kernel itself keeps nothing.
const keyAt = 0
const multipliersAt = 160
const classesAt = 288
const classWords = 2 + 16 + 32
const packingAt = 1024
const scratchAt = 2048
const digestsAt = 2 ** 17
/** Digests that are handed over at a time. */
const portion = 4096
const cellsAt: number = digestsAt + 32 * (portion + 4)
/** Memory beyond this is given back after use. */
const keptMemory = 2 ** 23
/** Below this, handing over costs more than it saves. */
const fewItems = 64

/** The part of the WebAssembly interface that is used here: TypeScript has it only among a browser's types. */
declare const WebAssembly: {
  Memory: new (limits: { initial: number }) => WasmMemory
  Module: new (code: Uint8Array) => object
  Instance: new (
    module: object,
    imports: { env: { memory: WasmMemory } },
  ) => { exports: Record<string, unknown> }
}

interface WasmMemory {
  readonly buffer: ArrayBuffer
}

interface Instance {
  readonly memory: WasmMemory
  readonly absorb: (...values: number[]) => void
}

let compiled: object | undefined
let instance: Instance | undefined

/**
 * The kernel in WebAssembly (SIMD), about four times as fast as the plain one and equal to it bit for bit;
 * undefined where the runtime has no such thing. Little-endian hosts only, which is all that have it.
 */
export function wasmKernel(): Kernel | undefined {
  if (compiled === undefined) {
    try {
      const bytes = Uint8Array.from(atob(sketchWasm), (character) => character.charCodeAt(0))
      compiled = new WebAssembly.Module(bytes)
    } catch {
      return undefined
    }
  }
  return absorbInWasm
}

/** The WebAssembly kernel where it runs, else the plain one. */
export function fastestKernel(): Kernel {
  return wasmKernel() ?? absorb
}

function absorbInWasm(key: SketchKey, profile: Profile, digests: Int32Array, cells: Int32Array): void {
  const items = digests.length / digestWords
  const size = cells.length / cellWords
  const kernel = items < fewItems ? undefined : prepare(cellsAt + 16 * size)
  if (kernel === undefined) {
    absorb(key, profile, digests, cells)
    return
  }
  const memory = new Int32Array(kernel.memory.buffer)
  writeTables(memory, key, profile)
  memory.fill(0, cellsAt / 4, cellsAt / 4 + 4 * size)
  for (let first = 0; first < items; first += portion) {
    const count = Math.min(portion, items - first)
    memory.set(digests.subarray(first * digestWords, (first + count) * digestWords), digestsAt / 4)
    kernel.absorb(
      digestsAt,
      count,
      keyAt,
      classesAt,
      profile.classes.length,
      multipliersAt,
      packingAt,
      cellsAt,
      size,
      scratchAt,
    )
  }
  for (let cell = 0; cell < size; cell++) {
    const from = cellsAt / 4 + 4 * cell
    const to = cellWords * cell
    cells[to] = cells[to]! ^ memory[from]!
    cells[to + 1] = cells[to + 1]! ^ memory[from + 1]!
    cells[to + 2] = cells[to + 2]! ^ memory[from + 2]!
  }
  if (memory.byteLength > keptMemory) instance = undefined
}

/** An instance with so much memory; undefined where the address space for it is refused. */
function prepare(bytes: number): Instance | undefined {
  if (instance !== undefined && instance.memory.buffer.byteLength >= bytes) return instance
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) })
    const { exports } = new WebAssembly.Instance(compiled!, { env: { memory } })
    instance = { memory, absorb: exports['absorb'] as Instance['absorb'] }
  } catch {
    return undefined
  }
  writePacking(new Uint8Array(instance.memory.buffer, packingAt, 256))
  return instance
}

function writeTables(memory: Int32Array, key: SketchKey, profile: Profile): void {
  memory.set(key.words, keyAt / 4)
  memory.set(slotMultipliers, multipliersAt / 4)
  profile.classes.forEach((members, number) => {
    const at = classesAt / 4 + classWords * number
    memory.set([members.below, members.slots.length, ...members.head, ...members.slots], at)
  })
}

/** For each set of lanes of a vector, the byte shuffle that moves them together at the front. */
function writePacking(table: Uint8Array): void {
  table.fill(0xff)
  for (let lanes = 0; lanes < 16; lanes++) {
    let to = 16 * lanes
    for (let lane = 0; lane < 4; lane++) {
      if ((lanes & (1 << lane)) === 0) continue
      for (let byte = 0; byte < 4; byte++) table[to++] = 4 * lane + byte
    }
  }
}
