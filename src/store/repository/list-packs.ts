import type { Id } from '../../object/id.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { idInName, packName, packPrefix } from './place.ts'

/** The packs that are there, with their sizes in bytes, whether or not the index tells of them. */
export async function listPacks(bucket: Bucket, options?: CallOptions): Promise<Map<Id, number>> {
  const packs = new Map<Id, number>()
  for await (const { name, size } of bucket.list(packPrefix, options)) {
    const id = idInName(name)
    if (id !== undefined && packName(id) === name) packs.set(id, size)
  }
  return packs
}
