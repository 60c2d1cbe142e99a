/** Watches a new folder of 50 directories in `argv[2]`, and says what happens until a change was found. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { initFolder } from '../../src/folder/folder.ts'
import { watchFolder } from '../../src/history/watch.ts'

const folder = await initFolder(process.argv[2]!)
for (let n = 10; n < 60; n++) mkdirSync(join(folder.root, `${n}`))
const stop = new AbortController()
let reports = 0
const options = {
  signal: stop.signal,
  // Shorter than what is chosen for those who cannot see: a test has no minute.
  rescanMs: 1000,
  onEvent: (event: { kind: string; directories?: number | undefined }) => {
    console.log(event.kind === 'watching' ? `watching ${event.directories}` : event.kind)
  },
}
for await (const _report of watchFolder(folder, options)) {
  reports++
  if (reports === 1) writeFileSync(join(folder.root, '59', 'file'), '1')
  else {
    console.log('found')
    stop.abort()
  }
}
folder.close()
