/**
 * Builds the WebAssembly kernels from wasm/*.ts: the .wasm, its SHA-256, and the module that carries it as text.
 * All three are committed, so that nothing needs the compiler but this script. Prints the hash.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const compiler = `${root}node_modules/assemblyscript/bin/asc.js`

function build(name: string): void {
  const target = `${root}wasm/${name}.wasm`
  const flags = [
    '-O3',
    '--converge',
    '--runtime',
    'stub',
    '--enable',
    'simd',
    '--importMemory',
    '--noExportMemory',
  ]
  execFileSync(process.execPath, [compiler, `${root}wasm/${name}.ts`, '-o', target, ...flags], {
    stdio: 'inherit',
  })
  const bytes = readFileSync(target)
  const hash = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(`${target}.sha256`, `${hash}  ${name}.wasm\n`)
  writeFileSync(`${root}src/object/${name}-wasm-bytes.ts`, embed(name, bytes, hash))
  console.log(`${hash}  wasm/${name}.wasm  ${bytes.length} bytes`)
}

function embed(name: string, bytes: Buffer, hash: string): string {
  const lines = (bytes.toString('base64').match(/.{1,96}/g) ?? []).map((line) => `  '${line}'`)
  return `// Written by scripts/build-wasm.ts from wasm/${name}.ts.

/** wasm/${name}.wasm in base64; its SHA-256 is ${hash}. */
export const ${name}Wasm: string =
${lines.join(' +\n')}
`
}

build('chunker')
