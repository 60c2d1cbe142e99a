import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fromSystem, systemCode, TidemarkError } from '../../errors.ts'
import { nameOfPrincipalLink, parseIndexName, sortIntervals, type IndexName } from '../../recent/index.ts'

export interface FoundIndex extends IndexName {
  readonly directory: string
}

/**
 * The index of a tree: `path` is its directory, its principal, or the link to that. Undefined when a directory
 * has none; throws `missing` when there is no such path, or a file is no principal.
 */
export function findIndex(path: string, root = 'RECENT'): FoundIndex | undefined {
  const place = resolve(path)
  const stats = statOf(place)
  if (stats?.isDirectory() === true) return inDirectory(place, root)
  const directory = dirname(place)
  const name = basename(place)
  const link = /^(.+)\.recent$/.exec(name)
  if (link !== null) {
    const found = inDirectory(directory, link[1]!)
    if (found !== undefined) return found
  }
  const parsed = parseIndexName(name)
  if (stats === undefined || parsed === undefined)
    throw new TidemarkError('missing', `${path}: there is no index file of this name`)
  return { directory, ...parsed }
}

function inDirectory(directory: string, root: string): FoundIndex | undefined {
  const target = linkTarget(join(directory, nameOfPrincipalLink(root)))
  const named = target === undefined ? undefined : parseIndexName(target)
  if (named !== undefined && statOf(join(directory, target!)) !== undefined) return { directory, ...named }
  // No link, or one that leads nowhere: the shortest file is the principal.
  const all = namesIn(directory)
    .map((name) => parseIndexName(name))
    .filter((name) => name !== undefined && name.root === root)
  const known = all.filter((name) => readable.has(name!.suffix))
  // An index that cannot be read is one all the same: no other is begun beside it.
  const files = known.length > 0 ? known : all
  const [shortest] = sortIntervals(files.map((file) => file!.interval))
  const principal = files.find((file) => file!.interval === shortest)
  return principal && { directory, ...principal }
}

const readable = new Set(['.yaml', '.json'])

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

function statOf(path: string): ReturnType<typeof statSync> | undefined {
  try {
    return statSync(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw fromSystem(error, `look at ${path}`)
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    throw fromSystem(error, `read directory ${directory}`)
  }
}
