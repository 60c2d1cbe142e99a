import {
  appendFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { randomBytes } from 'node:crypto'

/** The paths of `makeSmallFiles`. */
function pathOf(n: number): string {
  return `${Math.floor(n / 10_000)}/${Math.floor(n / 100) % 100}/file-${n}.dat`
}

/** `count` files spread over `files`. */
function spread(files: number, count: number): string[] {
  return Array.from({ length: count }, (_, n) => pathOf(Math.floor((n * files) / count)))
}

let serial = 0

/** Appends a line to each of `count` files. */
export function append(tree: string, files: number, count: number): void {
  serial++
  for (const path of spread(files, count)) appendFileSync(join(tree, path), `changed ${serial} ${path}\n`)
}

/** Writes `count` files anew, with random bytes; returns how many bytes. */
export function replace(tree: string, files: number, count: number): number {
  for (const path of spread(files, count)) writeFileSync(join(tree, path), randomBytes(8192))
  return count * 8192
}

/** Renames the first directory of all, with 10,000 files in it (or all there are), to and fro. */
export function renameDirectory(tree: string): void {
  const [here, there] = [join(tree, '0'), join(tree, 'moved')]
  if (existsSync(there)) renameSync(there, here)
  else renameSync(here, there)
}

/** Writes `x` before all else in the file. */
export async function insertByte(path: string): Promise<void> {
  const copy = createWriteStream(`${path}.new`)
  copy.write('x')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), copy)
  renameSync(`${path}.new`, path)
}
