import { randomBytes } from 'node:crypto'
import type { Bucket, CallOptions } from '../bucket.ts'
import { repairPrefix } from './place.ts'

/**
 * Notes that chunks have been lost for good. Whoever relies on what an earlier snapshot had, reads everything
 * again when such a note is new to him: see docs/format/repository.md.
 */
export async function noteLoss(bucket: Bucket, options?: CallOptions): Promise<void> {
  await bucket.put(`${repairPrefix}${randomBytes(32).toString('hex')}`, new Uint8Array(0), options)
}

/** The notes there are, as one text: another text, and there is a new one. */
export async function lossNotes(bucket: Bucket, options?: CallOptions): Promise<string> {
  const names: string[] = []
  for await (const { name } of bucket.list(repairPrefix, options)) names.push(name.slice(repairPrefix.length))
  return names.toSorted().join(' ')
}
