/** Serves a peer of some chunks by its standard input and output, as `tidemark serve --stdio` would. */
import { argv, exit, stderr } from 'node:process'
import { connectionOver } from '../../../src/sync/wire/transport/link.ts'
import { servePeer } from '../../../src/sync/wire/serve-peer.ts'
import { stdioLink } from '../../../src/sync/wire/transport/stdio.ts'
import { pattern } from '../../suites/bucket-suite.ts'
import { headOf, MemoryPeer } from '../../suites/memory-peer.ts'
import { serviceOf } from '../../suites/wire.ts'

if (argv[2] === 'fail') {
  stderr.write('warming up\nno such folder: /data\n')
  exit(3)
}
const peer = new MemoryPeer(headOf(7))
for (const size of [20_000, 30_000, 1_000_000]) await peer.put(pattern(size))
const error = await servePeer(connectionOver(stdioLink()), serviceOf(peer))
if (error !== undefined) {
  stderr.write(`${error.message}\n`)
  exit(1)
}
