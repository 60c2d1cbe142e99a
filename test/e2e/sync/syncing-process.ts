import { openIntroduced } from '../../../src/sync/introduce.ts'
import { FolderReplica } from '../../../src/sync/folder-replica.ts'
import { localPeer } from '../../../src/sync/local-pair.ts'
import { synchronize } from '../../../src/sync/synchronize.ts'

/** Brings two copies of a folder in step. Says when it begins to write files, and when it is done. */
const [one, two] = await Promise.all(
  process.argv.slice(2).map(async (root) => FolderReplica.open(await openIntroduced(root))),
)
let written = 0
await synchronize(one!, localPeer(one!, two!, { guard: { maxVanishing: 1 } }), {
  guard: { maxVanishing: 1 },
  onProgress: ({ phase }) => {
    if (phase === 'files' && written++ === 0) process.stdout.write('begun\n')
  },
})
process.stdout.write('done\n')
