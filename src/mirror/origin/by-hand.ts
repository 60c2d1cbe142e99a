import { isAbsolute, relative, sep } from 'node:path'
import { displayName, nameFromBytes, type Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { readStat } from '../../folder/system/file-stat.ts'
import { childPath } from '../../folder/system/paths.ts'
import {
  checkPath,
  news,
  type Change,
  type Epoch,
  type EventType,
  type Recentfile,
} from '../../recent/index.ts'
import type { IndexWriter } from './index-writer.ts'
import { LeftOut } from './left-out.ts'
import { readEntry } from './read-entry.ts'

export interface HandUpdate {
  readonly type: EventType
  /** Each absolute and in the tree, or from its root. */
  readonly paths: readonly string[]
  /** In the past, for all of them. */
  readonly epoch?: Epoch | undefined
  readonly dryRun?: boolean | undefined
}

/** Tells an index of changes that somebody names. A change of the past is merged into all files at once. */
export async function updateByHand(writer: IndexWriter, options: HandUpdate): Promise<Change[]> {
  const { type, epoch, dryRun = false } = options
  const paths = options.paths.map((path) => pathInTree(writer.directory, path))
  const changes: Change[] = []
  if (type === 'new') checkVisible(writer, paths)
  for (const path of paths) {
    changes.push({
      path,
      type,
      epoch,
      detail: type === 'new' ? await detailOf(writer.directory, path) : undefined,
    })
  }
  if (type === 'delete') checkListed(writer, paths)
  if (dryRun) return changes
  await writer.locked(async () => {
    writer.update(changes)
    if (epoch !== undefined) {
      // Once to bring it everywhere, and once more to drop where it does not belong.
      await writer.aggregate({ force: true })
      await writer.aggregate({ force: true })
    }
    await writer.writeHead()
  })
  return changes
}

/** All files of an index, read one after another as they are asked for. */
export function* filesOf(writer: IndexWriter): Generator<Recentfile> {
  for (const interval of writer.intervals()) {
    const file = writer.shelf.read(interval)
    if (file !== undefined) yield file
  }
}

function pathInTree(root: string, path: string): Name {
  const inTree = isAbsolute(path) ? relative(root, path).split(sep).join('/') : path
  const name = nameFromBytes(
    Buffer.from(
      inTree
        .replace(/^(?:\.\/+)+/, '')
        .replace(/\/+/g, '/')
        .replace(/\/$/, ''),
    ),
  )
  try {
    checkPath(name)
  } catch {
    throw new TidemarkError('usage', `${path}: no path of an entry in ${root}`)
  }
  return name
}

async function detailOf(root: string, path: Name): Promise<string> {
  for (let tries = 0; tries < 5; tries++) {
    const stat = readStat(childPath(root, path))
    if (stat === undefined) break
    const entry = await readEntry(root, path, stat)
    if (entry === 'gone') break
    if (entry !== 'unstable') return entry.detail
  }
  throw new TidemarkError('missing', `${displayName(path)}: it is not there, or does not hold still`)
}

function checkVisible({ directory }: IndexWriter, paths: readonly Name[]): void {
  const leftOut = new LeftOut(directory)
  for (const path of paths) {
    const isDirectory = readStat(childPath(directory, path))?.kind === 'directory'
    if (leftOut.has(path, isDirectory))
      throw new TidemarkError('usage', `${displayName(path)}: the rules in .tidemarkignore leave it out`)
  }
}

function checkListed(writer: IndexWriter, paths: readonly Name[]): void {
  const missing = new Set(paths)
  for (const { path, type } of news(filesOf(writer))) if (type === 'new') missing.delete(path)
  for (const path of missing)
    throw new TidemarkError('missing', `${displayName(path)}: the index does not list it`)
}
