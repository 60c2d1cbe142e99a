import { isTidemarkError } from '../../errors.ts'
import { idFromHex, idToHex, type Id } from '../../object/id.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { pinPrefix } from './place.ts'

/** Two copies of a folder; all three are 32 hexadecimal digits. */
export interface Pair {
  readonly folder: string
  readonly device: string
  readonly other: string
}

/**
 * Notes the last snapshot that two copies of a folder had in common: what both did since is merged on it, so it is
 * not to be forgotten. Lost in a power cut, the one before it serves.
 */
export async function pin(bucket: Bucket, pair: Pair, id: Id, options?: CallOptions): Promise<void> {
  const bytes = new TextEncoder().encode(idToHex(id))
  await bucket.put(`${pinPrefix}${pair.folder}-${pair.device}-${pair.other}`, bytes, {
    ...options,
    fleeting: true,
  })
}

/** The snapshots of a folder that are noted so. */
export async function pinned(bucket: Bucket, folder: string, options?: CallOptions): Promise<Set<Id>> {
  const ids = new Set<Id>()
  for await (const { name } of bucket.list(`${pinPrefix}${folder}-`, options)) {
    try {
      const id = idFromHex(new TextDecoder().decode(await bucket.get(name, options)))
      if (id !== undefined) ids.add(id)
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
    }
  }
  return ids
}
