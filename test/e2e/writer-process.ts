import { hash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { DirectoryBucket } from '../../src/store/directory-bucket.ts'
import { seededRandom } from '../suites/random.ts'

/**
 * Bytes that show whether they are whole: the SHA-256 of the rest, then the rest, which begins with a
 * number. Up to 400 kB.
 */
export function wholeBytes(random: () => number, number: number): Uint8Array {
  const rest = new Uint8Array(4 + Math.floor(random() ** 3 * 400_000))
  new DataView(rest.buffer).setUint32(0, number)
  for (let at = 4; at < rest.length; at += 97) rest[at] = random() * 256
  return Buffer.concat([hash('sha256', rest, 'buffer'), rest])
}

/** The number in `bytes` when they are whole; undefined when they are not. */
export function numberInWhole(bytes: Uint8Array): number | undefined {
  const rest = bytes.subarray(32)
  if (rest.length < 4 || !hash('sha256', rest, 'buffer').equals(bytes.subarray(0, 32))) return undefined
  return new DataView(rest.buffer, rest.byteOffset).getUint32(0)
}

/**
 * Puts for ever, three at a time: new names, and one name (`ref`) again and again. Says on its standard
 * output what it begins and what is done, a line each: `begin NAME NUMBER`, `done NAME NUMBER`.
 */
async function write(root: string, seed: number, durable: boolean): Promise<void> {
  const bucket = new DirectoryBucket(root, { durable })
  const random = seededRandom(seed)
  let number = 0
  const put = async (name: (number: number) => string): Promise<never> => {
    for (;;) {
      const mine = ++number
      say(`begin ${name(mine)} ${mine}`)
      await bucket.put(name(mine), wholeBytes(random, mine))
      say(`done ${name(mine)} ${mine}`)
    }
  }
  const fresh = (number: number): string => `packs/${number % 16}/${seed}-${number}`
  await Promise.all([put(fresh), put(fresh), put(() => 'ref')])
}

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

if (import.meta.main) {
  const [root, seed, durable] = process.argv.slice(2)
  await write(root!, Number(seed), durable === 'durable')
}
