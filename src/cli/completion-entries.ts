import { displayName } from '../bytes/name.ts'
import { listBatches } from '../tree/directory.ts'
import { formatSize } from './format.ts'
import { findIn } from './find-place.ts'
import type { Place } from './place.ts'

/** The entries of a snapshot whose paths begin with `path`, at most `most`; directories end in a slash. */
export async function entriesAt(
  place: Place,
  snapshot: string,
  path: string,
  most: number,
): Promise<{ path: string; about: string }[]> {
  const start = path.slice(0, path.lastIndexOf('/') + 1)
  const last = path.slice(start.length)
  const { entry } = await findIn(place, await place.snapshot(snapshot), start === '' ? '.' : start)
  const found: { path: string; about: string }[] = []
  if (entry.kind !== 'directory') return found
  for await (const batch of listBatches(place.repository, entry, { signal: place.signal })) {
    for (const entry of batch) {
      if (!displayName(entry.name).startsWith(last)) continue
      const slash = entry.kind === 'directory' ? '/' : ''
      const about = entry.kind === 'file' ? formatSize(entry.size) : entry.kind
      if (found.push({ path: start + entry.name + slash, about }) === most) return found
    }
  }
  return found
}
