import { setTimeout as sleep } from 'node:timers/promises'
import { Stream } from '../../../src/stream/index.ts'
import { selfChecking } from './self-checking.ts'

/**
 * Run as a process of its own: records self-checking texts `first ..` and prints each number when it is told that
 * the version is there. `node writer-process.ts ROOT NAME WRITER FIRST COUNT LINES PAUSE`
 */
const [root, name, writer, first, count, lines, pause] = process.argv.slice(2)
const stream = new Stream(root!, name!, { patience: 60_000 })
for (let i = Number(first); i < Number(first) + Number(count); i++) {
  const begun = performance.now()
  await stream.record(selfChecking(writer!, i, Number(lines)))
  process.stdout.write(`${i}\n`)
  await sleep(Math.max(0, Number(pause) - (performance.now() - begun)))
}
await stream.close()
