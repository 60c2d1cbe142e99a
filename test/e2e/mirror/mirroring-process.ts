import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'

/** A mirror to be killed: node mirroring-process.ts SOURCE DIR. Says "complete" at each look that ends so. */
const [source = '', directory = ''] = process.argv.slice(2)
const mirror = new Mirror({
  source: parseLocation(source, '/'),
  directory,
  signal: new AbortController().signal,
  onEvent: ({ kind }) => void (kind === 'complete' && process.stdout.write('complete\n')),
})
await mirror.watch(10)
