/**
 * Builds the WebAssembly kernels from wasm/*.ts: the .wasm, its SHA-256, and the module that carries it as text.
 * All three are committed, so that nothing needs the compiler but this script. Prints the hash. With `--check` it
 * writes nothing, and fails if what is committed is not what the source gives.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const compiler = join(root, 'node_modules/assemblyscript/bin/asc.js')
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

function compile(name: string): Buffer {
  const place = mkdtempSync(join(tmpdir(), 'tidemark-wasm-'))
  try {
    const target = join(place, `${name}.wasm`)
    const source = join('wasm', `${name}.ts`)
    execFileSync(process.execPath, [compiler, source, '-o', target, ...flags], {
      cwd: root,
      stdio: 'inherit',
    })
    return readFileSync(target)
  } finally {
    rmSync(place, { recursive: true })
  }
}

function embed(name: string, bytes: Buffer, hash: string): string {
  const lines = (bytes.toString('base64').match(/.{1,96}/g) ?? []).map((line) => `  '${line}'`)
  return `// Written by scripts/build-wasm.ts from wasm/${name}.ts.

/** wasm/${name}.wasm in base64; its SHA-256 is ${hash}. */
export const ${name}Wasm: string =
${lines.join(' +\n')}
`
}

function build(name: string, room: string, check: boolean): void {
  const bytes = compile(name)
  const hash = createHash('sha256').update(bytes).digest('hex')
  const files: ReadonlyArray<readonly [string, Buffer]> = [
    [`wasm/${name}.wasm`, bytes],
    [`wasm/${name}.wasm.sha256`, Buffer.from(`${hash}  ${name}.wasm\n`)],
    [`src/${room}/${name}-wasm-bytes.ts`, Buffer.from(embed(name, bytes, hash))],
  ]
  for (const [path, content] of files) {
    if (!check) writeFileSync(join(root, path), content)
    else if (!readFileSync(join(root, path)).equals(content))
      throw new Error(`${path} is not what the source gives`)
  }
  console.log(`${hash}  wasm/${name}.wasm  ${bytes.length} bytes`)
}

const check = process.argv.includes('--check')
build('chunker', 'object', check)
build('lines', 'stream', check)
build('sketch', 'reconcile', check)
