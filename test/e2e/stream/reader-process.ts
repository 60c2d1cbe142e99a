import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Stream } from '../../../src/stream/index.ts'
import { faultOf } from './self-checking.ts'

/**
 * Run as a process of its own: so many readers poll a stream until standard input ends, half of them by reading
 * latest.txt as any program would, half through the library. Prints what they saw as JSON.
 * `node reader-process.ts ROOT NAME READERS PAUSE`
 */
const [root, name, readers, pause] = process.argv.slice(2)
const counts = { reads: 0, missing: 0, empty: 0, torn: 0, back: 0, versions: 0 }
const ended = new AbortController()
process.stdin.on('end', () => ended.abort()).resume()

async function poll(read: () => Promise<Buffer | undefined>): Promise<void> {
  let newest = -1
  while (!ended.signal.aborted) {
    const content = await read().catch(() => undefined)
    counts.reads++
    if (content === undefined) counts.missing++
    else {
      const fault = faultOf(content)
      if (fault !== undefined) counts[fault]++
      const number = Number(/ (\d+)\n/.exec(content.toString('latin1', 65, 200))?.[1] ?? -1)
      if (number < newest) counts.back++
      if (number > newest) counts.versions++
      newest = number
    }
    await sleep(Number(pause))
  }
}

const file = join(root!, name!, 'latest.txt')
process.stdout.write('reading\n')
await Promise.all(
  Array.from({ length: Number(readers) }, (_, i) => {
    const stream = new Stream(root!, name!)
    return poll(i % 2 === 0 ? () => readFile(file) : async () => (await stream.latest())?.bytes())
  }),
)
process.stdout.write(JSON.stringify(counts))
