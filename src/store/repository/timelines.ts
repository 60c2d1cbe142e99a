import { idToHex, type Id } from '../../object/id.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { idInName, timelinePrefix } from './place.ts'

/**
 * Notes that of a snapshot, which may say otherwise for another repository, only the trees are kept in this one. To
 * be called before the snapshot is put.
 */
export async function noteTimeline(bucket: Bucket, snapshot: Id, options?: CallOptions): Promise<void> {
  await bucket.put(`${timelinePrefix}${idToHex(snapshot)}`, new Uint8Array(0), options)
}

/** Takes that back: its contents are here now. */
export async function dropTimeline(bucket: Bucket, snapshot: Id, options?: CallOptions): Promise<void> {
  await bucket.delete(`${timelinePrefix}${idToHex(snapshot)}`, options)
}

/** The snapshots of which that was noted. */
export async function notedTimelines(bucket: Bucket, options?: CallOptions): Promise<Set<Id>> {
  const noted = new Set<Id>()
  for await (const { name } of bucket.list(timelinePrefix, options)) {
    const id = idInName(name)
    if (id !== undefined) noted.add(id)
  }
  return noted
}
