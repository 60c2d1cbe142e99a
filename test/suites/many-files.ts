import { closeSync, ftruncateSync, linkSync, mkdirSync, openSync } from 'node:fs'
import { writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from './random.ts'

const MiB = 1024 * 1024

export const manyFiles = 1800

/** Where the n-th file of {@link writeManyFiles} stands. */
export function nthFile(root: string, n: number): string {
  return join(root, `d${n % 30}`, `f${n}`)
}

/** Enough small files for threads, one of several names, and two large enough to be written in parts. */
export function writeManyFiles(root: string): void {
  const random = seededRandom(7)
  for (let n = 0; n < manyFiles; n++) {
    if (n < 30) mkdirSync(join(root, `d${n}`))
    // Half of them compress, half do not.
    const bytes = Buffer.alloc(Math.floor(random() ** 3 * 20_000), `${n} `)
    if (n % 2 === 0) for (let at = 0; at < bytes.length; at++) bytes[at] = random() * 256
    writeFileSync(nthFile(root, n), bytes)
  }
  linkSync(join(root, 'd1/f1'), join(root, 'd2/again'))
  const large = openSync(join(root, 'large'), 'w')
  const piece = Buffer.alloc(MiB)
  for (let n = 0; n < 70; n++) {
    for (let at = 0; at < MiB; at += 512) piece.writeUInt32LE(random() * 2 ** 32, at)
    writeSync(large, piece)
  }
  closeSync(large)
  const holey = openSync(join(root, 'holey'), 'w')
  for (const start of [0, 40, 100]) writeSync(holey, piece, 0, MiB, start * MiB)
  ftruncateSync(holey, 150 * MiB)
  closeSync(holey)
}
