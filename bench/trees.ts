import { cpSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync, closeSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'

/**
 * The trees that the benchmarks run on, made from seeds, so that every machine measures the same bytes. Half
 * of the small files are prose of random words, a quarter hexadecimal, a quarter random bytes.
 */

/** A generator of 32-bit numbers (sfc32), quick and good enough for test data. */
export function randomSource(seed: number): () => number {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, seed | 0]
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return t >>> 0
  }
  for (let i = 0; i < 16; i++) next()
  return next
}

/** A megabyte each of three kinds of data, from which files are cut. */
function material(): Buffer[] {
  const random = randomSource(1)
  const bytes = Buffer.alloc(1 << 20)
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(random(), i)
  const words = Array.from({ length: 3000 }, () => {
    const length = 2 + (random() % 9)
    return Array.from({ length }, () => String.fromCharCode(97 + (random() % 26))).join('')
  })
  let prose = ''
  while (prose.length < 1 << 20)
    prose +=
      words[Math.floor((random() / 2 ** 32) ** 2 * words.length)]! + (random() % 12 === 0 ? '.\n' : ' ')
  return [
    Buffer.from(prose),
    bytes,
    Buffer.from(prose),
    Buffer.from(bytes.subarray(0, 1 << 19).toString('hex')),
  ]
}

/** `count` files of `min` to `max` bytes, 100 in a directory; no two alike. Skipped when it is there. */
export function makeSmallFiles(root: string, count: number, min: number, max: number): void {
  if (existsSync(join(root, '..', 'made'))) return
  const random = randomSource(count)
  const sources = material()
  for (let n = 0; n < count; n++) {
    const directory = join(root, String(Math.floor(n / 10_000)), String(Math.floor(n / 100) % 100))
    if (n % 100 === 0) mkdirSync(directory, { recursive: true })
    const length = min + (random() % (max - min + 1))
    const source = sources[n % 4]!
    const start = random() % (source.length - max)
    const file = openSync(join(directory, `file-${n}.dat`), 'w')
    writeSync(file, `${n}\n`)
    writeSync(file, source, start, Math.max(0, length - String(n).length - 1))
    closeSync(file)
  }
  writeFileSync(join(root, '..', 'made'), '')
}

/** One file of `size` random bytes. */
export function makeRandomFile(path: string, size: number): void {
  if (existsSync(path)) return
  const file = openSync(path, 'w')
  for (let n = 0; n * 64 < size; n += 16_384) {
    // A hash chain is as good as random bytes, and quick to make.
    const block = Buffer.alloc(1 << 20)
    for (let i = 0; i < block.length; i += 1 << 16) {
      const seed = createHash('shake256', { outputLength: 1 << 16 })
        .update(`${n}:${i}`)
        .digest()
      seed.copy(block, i)
    }
    writeSync(file, block, 0, Math.min(block.length, size - n * 64))
  }
  closeSync(file)
}

/** A copy of real files: /usr/share, which every machine has, if not the same one. */
function copyShare(root: string): void {
  if (!existsSync(root))
    cpSync('/usr/share', root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
}

const makers: Readonly<Record<string, (tree: string) => void>> = {
  small: (tree) => makeSmallFiles(tree, 100_000, 4096, 16_384),
  share: (tree) => copyShare(tree),
  big: (tree) => makeRandomFile(join(tree, 'big'), 2 * 1024 ** 3),
}

/** The trees that both benchmarks of the history take. */
export const treeNames: readonly string[] = Object.keys(makers)

export function makeTree(name: string, tree: string): void {
  const make = makers[name]
  if (make === undefined) throw new Error(`${name}: no such tree (there are ${treeNames.join(', ')})`)
  make(tree)
}
