/** Publishes `argv[2]` with files of few seconds, and says each time when it has told of something. */
import { publish } from '../../src/mirror/origin/publish.ts'

const options = {
  intervals: ['1s', '3s', '10s', 'Z'],
  debounceMs: 5,
  maxDelayMs: 50,
  aggregateMs: 50,
  patienceMs: 20_000,
}
for await (const { changes } of publish(process.argv[2]!, options))
  process.stdout.write(`${changes.length}\n`)
