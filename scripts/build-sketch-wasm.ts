/**
 * Builds the kernel of sketches from wasm/sketch.ts: the .wasm, its SHA-256, and the module that carries it as
 * text. All three are committed, so that nothing needs the compiler but this script. Prints the hash.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = `${root}wasm/sketch.wasm`
const options = '-O3 --converge --runtime stub --enable simd --importMemory --noExportMemory'

execFileSync(
  process.execPath,
  [
    `${root}node_modules/assemblyscript/bin/asc.js`,
    `${root}wasm/sketch.ts`,
    '-o',
    target,
    ...options.split(' '),
  ],
  { stdio: 'inherit' },
)
const bytes = readFileSync(target)
const hash = createHash('sha256').update(bytes).digest('hex')
const lines = (bytes.toString('base64').match(/.{1,96}/g) ?? []).map((line) => `  '${line}'`)
writeFileSync(`${target}.sha256`, `${hash}  sketch.wasm\n`)
writeFileSync(
  `${root}src/reconcile/sketch-wasm-bytes.ts`,
  `// Written by scripts/build-sketch-wasm.ts from wasm/sketch.ts.

/** wasm/sketch.wasm in base64; its SHA-256 is ${hash}. */
export const sketchWasm: string =
${lines.join(' +\n')}
`,
)
console.log(`${hash}  wasm/sketch.wasm  ${bytes.length} bytes`)
