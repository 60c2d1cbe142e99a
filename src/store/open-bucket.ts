import { fileURLToPath } from 'node:url'
import { TidemarkError } from '../errors.ts'
import type { Bucket } from './bucket.ts'
import { DirectoryBucket } from './directory-bucket.ts'

/**
 * The bucket at `place`, as a user writes it: a path, or `file:///path`. Rejects `usage` for any other kind
 * of place. Nothing is looked at or made yet: the first call does that.
 */
export async function openBucket(place: string): Promise<Bucket> {
  if (place === '') throw new TidemarkError('usage', 'the place of a repository is empty')
  if (place.includes('\0')) throw new TidemarkError('usage', 'the place of a repository has a NUL in it')
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(place)?.[1]?.toLowerCase()
  if (scheme === 'file') return new DirectoryBucket(pathOf(place))
  if (scheme !== undefined) {
    throw new TidemarkError(
      'usage',
      `${place}: no such kind of place as "${scheme}" (a path or file:///path)`,
    )
  }
  // `host:path` and `s3:bucket/name` mean something else to other programs: no directory is made of them.
  if (/^[^/]*:/.test(place)) {
    throw new TidemarkError('usage', `${place}: not a known kind of place; write ./${place} for a directory`)
  }
  return new DirectoryBucket(place)
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url)
  } catch (error) {
    throw new TidemarkError('usage', `${url}: not the URL of a local directory (file:///path)`, {
      cause: error,
    })
  }
}
