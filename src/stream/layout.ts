import { join, resolve } from 'node:path'
import { TidemarkError } from '../errors.ts'

/** Where the parts of a stream are: the old program's three, and ours beside them. */
export interface StreamLayout {
  readonly name: string
  readonly directory: string
  /** One diff a version, the newest ones; the older are in `archive`. */
  readonly state: string
  /** The newest versions in full. Nothing else may be in there: other programs take the last name for the newest version. */
  readonly latest: string
  /** The newest version, by the name that never changes. */
  readonly latestFile: string
  /** Older diffs, packed. */
  readonly archive: string
  readonly lockFile: string
}

const reserved = new Set(['state', 'latest', 'latest.txt', 'archive'])

/** Where the stream `name` (which may contain `/`) is below `root`. Rejects names that would lie elsewhere with `usage`. */
export function streamLayout(root: string, name: string): StreamLayout {
  const parts = name.split('/')
  const outside = parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))
  if (outside) throw new TidemarkError('usage', `not a name for a stream: ${JSON.stringify(name)}`)
  if (parts.slice(1).some((part) => reserved.has(part))) {
    throw new TidemarkError('usage', `the name ${JSON.stringify(name)} lies inside another stream`)
  }
  const directory = join(resolve(root), ...parts)
  return {
    name,
    directory,
    state: join(directory, 'state'),
    latest: join(directory, 'latest'),
    latestFile: join(directory, 'latest.txt'),
    archive: join(directory, 'archive'),
    lockFile: join(directory, '.lock'),
  }
}
