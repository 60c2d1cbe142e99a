import { writeSync } from 'node:fs'
import { Folder } from '../../src/folder/folder.ts'
import { idFromHex } from '../../src/object/id.ts'
import { advanceTo, capture } from '../suites/advance-to.ts'

/*
 * Moves a folder on to the trees of some snapshots in its repository, in turn, for ever, as if another copy had made
 * them. Says on its standard output when it begins and ends one.
 */
const [root, ...ids] = process.argv.slice(2)
const folder = await Folder.open(root!)
const { snapshots } = await folder.repository()
for (let turn = 0; ; turn++) {
  const hex = ids[turn % ids.length]!
  const from = await capture(folder)
  const tree = (await snapshots.read(idFromHex(hex)!)).root
  writeSync(1, `begin ${hex}\n`)
  const { done, problems } = await advanceTo(folder, from, async () => tree)
  if (!done || problems.length > 0) throw new Error(`not done: ${JSON.stringify(problems)}`)
  writeSync(1, `done ${hex}\n`)
}
