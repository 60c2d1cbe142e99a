import { appendFileSync, closeSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { workerData } from 'node:worker_threads'

/*
 * A thread that changes files all the time: those named `whole` are rewritten in place with one other byte
 * throughout, `log` is appended to, line by line, and `saved` is replaced by a new file. `counters` has the
 * rounds made, and the writes that took longer than a reader waits for them.
 */
const { root, files, counters } = workerData as { root: string; files: number; counters: Int32Array }
const size = 16_384
const longWrite = 40
const open = Array.from({ length: files }, (_, n) => openSync(`${root}/whole-${n}`, 'w+'))
const bytes = new Uint8Array(size)

function timed(write: () => void): void {
  const start = performance.now()
  write()
  if (performance.now() - start > longWrite) Atomics.add(counters, 1, 1)
}

let lines = 0
for (let round = 0; Atomics.load(counters, 2) === 0; round++) {
  for (const file of open) {
    bytes.fill(65 + (round % 26))
    timed(() => writeSync(file, bytes, 0, size, 0))
    // Not always at it, or every pause of this thread would be one in the middle of a write.
    Atomics.wait(counters, 2, 0, 0.2)
  }
  const line = `line ${lines++}\n`
  timed(() => appendFileSync(`${root}/log`, line))
  writeFileSync(`${root}/.new`, `${round} `.repeat(1000))
  renameSync(`${root}/.new`, `${root}/saved`)
  Atomics.add(counters, 0, 1)
}
for (const file of open) closeSync(file)
