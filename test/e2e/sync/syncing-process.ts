import process from 'node:process'
import { openIntroduced } from '../../../src/sync/introduce.ts'
import { FolderReplica } from '../../../src/sync/folder-replica.ts'
import { localPeer } from '../../../src/sync/local-pair.ts'
import { synchronize } from '../../../src/sync/synchronize.ts'

/*
 * Brings two copies of a folder in step: ONE TWO [FILES]. Says when it begins to write files, and when it is done.
 * It kills itself when it has written so many files.
 */
const [first, second, last] = process.argv.slice(2)
const [one, two] = await Promise.all(
  [first!, second!].map(async (root) => FolderReplica.open(await openIntroduced(root))),
)
let written = 0
await synchronize(one!, localPeer(one!, two!, { guard: { maxVanishing: 1 } }), {
  guard: { maxVanishing: 1 },
  onProgress: ({ phase }) => {
    if (phase !== 'files') return
    if (written++ === 0) process.stdout.write('begun\n')
    if (written === Number(last)) process.kill(process.pid, 'SIGKILL')
  },
})
process.stdout.write('done\n')
