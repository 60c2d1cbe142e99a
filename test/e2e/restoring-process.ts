import { writeSync } from 'node:fs'
import { restore } from '../../src/history/restore.ts'
import { idFromHex } from '../../src/object/id.ts'
import { openBucket } from '../../src/store/open-bucket.ts'
import { Repository } from '../../src/store/repository/repository.ts'

/*
 * Restores snapshots into a directory in turn, for ever, deleting what they lack: REPOSITORY TARGET ID… Says
 * on its standard output when it begins and ends one.
 */
const [place, target, ...ids] = process.argv.slice(2)
const repository = await Repository.open(await openBucket(place!))
for (let turn = 0; ; turn++) {
  const hex = ids[turn % ids.length]!
  const { root } = await repository.snapshots.read(idFromHex(hex)!)
  writeSync(1, `begin ${hex}\n`)
  const report = await restore(repository, root, target!, { delete: true })
  if (report.problemCount > 0) throw new Error(JSON.stringify(report.problems))
  writeSync(1, `done ${hex}\n`)
}
