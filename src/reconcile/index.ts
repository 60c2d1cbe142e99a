/**
 * Set reconciliation: two holders of nearly equal sets learn how they differ at a cost proportional to the
 * difference. Pure: no IO, no clock, no `node:` module; it runs wherever JavaScript does.
 */
export { cellLength, cellOffset, decodeHeader, decodeSketch, encodeHeader } from './sketch-file.ts'
export { encodeSketch, headerLength, sketchOfCells, type SketchHeader } from './sketch-file.ts'
export { decodeIds, encodeIds, idLength, idToHex } from './ids.ts'
export { checkOf, digestLength, identify } from './identify.ts'
export { estimate, probe, probeLength, type Estimate, type Probes } from './estimate.ts'
export { cellsFor } from './sizing.ts'
export { sameKey, saltLength, sketchKey, type SketchKey } from './key.ts'
export { general, large, maxCells, profiles, type Profile, type ProfileName } from './profile.ts'
export { peel, type Ids } from './peel.ts'
export { SetIndex, type Resolved } from './set-index.ts'
export { golden, mix } from './mix.ts'
export { slotMultipliers } from './profile.ts'
export { SetRoot } from './root.ts'
export { sha256 } from './sha256.ts'
export { absorb as plainKernel, type Kernel } from './absorb.ts'
export { wasmKernel } from './wasm-kernel.ts'
export { Sketch, type SketchOptions } from './sketch.ts'
