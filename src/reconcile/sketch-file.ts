import { corrupt, TidemarkError } from '../errors.ts'
import { cellWords } from './absorb.ts'
import { probe, probeLength } from './estimate.ts'
import { saltLength } from './key.ts'
import { maxCells, profileOfCode, type Profile } from './profile.ts'
import { SetRoot } from './root.ts'
import { Sketch } from './sketch.ts'
import { putWords, wordsOf } from './words.ts'

/** The layout of docs/format/sketch.md: header, probe, cells. */
const magic = Uint8Array.of(0x54, 0x4d, 0x53, 0x4b) // "TMSK"
const version = 1

/** Bytes of the header. */
export const headerLength = 72
/** Bytes of a cell. */
export const cellLength: number = 4 * cellWords

export interface SketchHeader {
  readonly profile: Profile
  readonly salt: Uint8Array
  readonly root: SetRoot
  /** How many cells the file has. */
  readonly size: number
}

export function encodeHeader(header: SketchHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerLength)
  const view = new DataView(bytes.buffer)
  bytes.set(magic)
  bytes[4] = version
  bytes[5] = header.profile.code
  bytes.set(header.salt, 8)
  bytes.set(header.root.sum(), 24)
  view.setBigUint64(56, BigInt(header.root.count), true)
  view.setUint32(64, header.size, true)
  return bytes
}

/** Reads a header; throws `corrupt`, or `unsupported` for a version or profile that is not known here. */
export function decodeHeader(bytes: Uint8Array): SketchHeader {
  if (bytes.length < headerLength) throw fail(`its header ends after ${bytes.length} bytes`)
  if (!magic.every((byte, at) => byte === bytes[at])) throw fail('it does not begin with TMSK')
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerLength)
  if (bytes[4] !== version) throw new TidemarkError('unsupported', `sketch: version ${bytes[4]} is not known`)
  const profile = profileOfCode(bytes[5]!)
  if (profile === undefined) {
    throw new TidemarkError('unsupported', `sketch: profile ${bytes[5]} is not known`)
  }
  if (view.getUint16(6, true) !== 0 || view.getUint32(68, true) !== 0) {
    throw fail('its reserved bytes are not zero')
  }
  const count = view.getBigUint64(56, true)
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) throw fail(`it claims ${count} items`)
  const size = view.getUint32(64, true)
  if (size < 1 || size > maxCells) throw fail(`it claims ${size} cells`)
  return {
    profile,
    salt: new Uint8Array(bytes.subarray(8, 8 + saltLength)),
    root: SetRoot.of(Number(count), bytes.subarray(24, 56)),
    size,
  }
}

/** Where cell `cell` begins in the file; for `header.size` the length of the file. */
export function cellOffset(header: SketchHeader, cell: number): number {
  return headerLength + probeLength(header.size) + cellLength * cell
}

function fail(problem: string): TidemarkError {
  return corrupt('sketch', problem)
}

export function encodeSketch(sketch: Sketch): Uint8Array<ArrayBuffer> {
  const header: SketchHeader = {
    profile: sketch.profile,
    salt: sketch.key.salt,
    root: sketch.root,
    size: sketch.size,
  }
  const bytes = new Uint8Array(cellOffset(header, sketch.size))
  bytes.set(encodeHeader(header))
  bytes.set(probe(sketch), headerLength)
  putWords(sketch.cells, bytes, cellOffset(header, 0))
  return bytes
}

/** Reads a whole sketch file. Throws `corrupt` unless it has exactly the length its header tells. */
export function decodeSketch(bytes: Uint8Array): Sketch {
  const header = decodeHeader(bytes)
  const length = cellOffset(header, header.size)
  if (bytes.length !== length) throw corrupt('sketch', `it has ${bytes.length} bytes instead of ${length}`)
  const sketch = sketchOfCells(header, bytes.subarray(cellOffset(header, 0)))
  if (!probe(sketch).every((byte, at) => byte === bytes[headerLength + at])) {
    throw corrupt('sketch', 'its probe does not fit its cells')
  }
  return sketch
}

/** The sketch of the first cells of a file, from its header and the bytes of those cells: one at least. */
export function sketchOfCells(header: SketchHeader, cells: Uint8Array): Sketch {
  if (cells.length === 0 || cells.length % cellLength !== 0) throw fail('it ends within a cell')
  const sketch = new Sketch({
    salt: header.salt,
    size: cells.length / cellLength,
    profile: header.profile,
  })
  // A copy: a view of 32-bit words needs bytes at a multiple of four.
  sketch.cells.set(wordsOf(new Uint8Array(cells)))
  sketch.root.combine(header.root, 1)
  return sketch
}
