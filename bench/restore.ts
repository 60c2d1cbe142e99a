import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { initFolder } from '../src/folder/folder.ts'
import { restore } from '../src/history/restore.ts'
import { takeSnapshot } from '../src/history/snapshot.ts'
import { openBucket } from '../src/store/open-bucket.ts'
import { Repository } from '../src/store/repository/repository.ts'
import { measure, row, warmRepository, type Cost } from './measure.ts'
import { makeTree, treeNames } from './trees.ts'

/*
 * Restoring whole trees: node bench/restore.ts PLACE [--to DIR] [TREE…]
 *
 * In PLACE (some 12 GB) it makes the trees small, share and big, and a Tidemark and a restic repository of each;
 * restores each into new directories in DIR (in PLACE by default), and prints a table. Wall and processor seconds
 * and resident megabytes are those that time(1) tells of the whole process; all caches are warm, and what is not
 * written yet is, before each run. cp is there to say what the disk can do.
 *
 * Nothing is deleted before the end: ext4 hands out the inodes of files deleted within the last minutes only
 * after a long search, so that whoever comes second would pay for the first.
 */

function resticEnv(place: string): Record<string, string> {
  return { RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: join(place, 'restic-cache') }
}

/** Makes the tree and both repositories of it; leaves alone what is there. */
async function prepare(place: string, name: string): Promise<void> {
  mkdirSync(name === 'share' ? place : join(place, 'tree'), { recursive: true })
  makeTree(name, join(place, 'tree'))
  const repository = join(place, 'tidemark')
  if (!existsSync(repository)) {
    const folder = await initFolder(join(place, 'tree'), { repository })
    await takeSnapshot(folder)
    folder.close()
    rmSync(join(place, 'tree', '.tidemark'), { recursive: true })
  }
  if (existsSync(join(place, 'restic'))) return
  measure(place, ['restic', 'init', '-q', '-r', join(place, 'restic')], resticEnv(place))
  measure(
    place,
    ['restic', 'backup', '-q', '-r', join(place, 'restic'), join(place, 'tree')],
    resticEnv(place),
  )
}

async function restoreLatest(repositoryPath: string, target: string): Promise<void> {
  const repository = await Repository.open(await openBucket(repositoryPath))
  const [id] = await repository.snapshots.list()
  const { root } = await repository.snapshots.read(id!)
  const report = await restore(repository, root, target)
  if (report.problemCount > 0) throw new Error(JSON.stringify(report.problems.slice(0, 3)))
  process.exit()
}

async function compare(place: string, name: string, targets: string): Promise<void> {
  await prepare(place, name)
  const target = (tool: string): string => join(targets, `${name}-${tool}`)
  const own = (): string[] => {
    return [process.execPath, import.meta.filename, '--one', join(place, 'tidemark'), target('tidemark')]
  }
  const commands: Record<string, readonly string[]> = {
    tidemark: own(),
    'tidemark, nothing to do': own(),
    restic: ['restic', 'restore', '-q', '-r', join(place, 'restic'), 'latest', '--target', target('restic')],
    'cp -a': ['cp', '-a', join(place, 'tree'), target('cp')],
  }
  let reference: Cost | undefined
  const rows: [string, Cost][] = []
  for (const [tool, command] of Object.entries(commands)) {
    warmRepository(join(place, tool === 'restic' ? 'restic' : tool.startsWith('cp') ? 'tree' : 'tidemark'))
    const cost = measure(place, command, resticEnv(place))
    rows.push([tool, cost])
    if (tool === 'restic') reference = cost
  }
  for (const [tool, { wall, cpu, megabytes }] of rows) {
    const ratio = `x${(wall / reference!.wall).toFixed(2)}`
    console.log(row(`${name}: ${tool}`, [wall, cpu, megabytes.toFixed(0), ratio]))
  }
}

async function compareAll(place: string, targets: string, names: readonly string[]): Promise<void> {
  console.log(row('tree: tool', ['wall s', 'CPU s', 'RSS MB', 'wall/restic']))
  for (const name of names) await compare(join(place, name), name, targets)
  for (const name of names) {
    for (const tool of ['tidemark', 'restic', 'cp']) {
      rmSync(join(targets, `${name}-${tool}`), { recursive: true, force: true })
    }
  }
}

const [first, ...rest] = process.argv.slice(2)
if (first === '--one') await restoreLatest(rest[0]!, rest[1]!)
else if (first === undefined)
  console.error('usage: node bench/restore.ts PLACE [--to DIR] [small|share|big…]')
else {
  const targets = rest[0] === '--to' ? rest.splice(0, 2)[1]! : first
  await compareAll(first, targets, rest.length > 0 ? rest : treeNames)
}
