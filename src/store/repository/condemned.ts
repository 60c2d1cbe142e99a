import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { corrupt, isTidemarkError } from '../../errors.ts'
import { idOf, idToHex, readId, writeId } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { condemnedPrefix, idInName } from './place.ts'

/**
 * Packs that are to be deleted. A writer that began after a pack was condemned does not rely on it; those
 * that began before are waited for. A condemned pack is never pardoned: what is still needed of it is
 * copied elsewhere before it goes, and no new pack ever has its name.
 */
export interface Condemned {
  readonly name: string
  readonly packs: readonly Id[]
}

const mark = 0x41

export async function condemn(
  bucket: Bucket,
  packs: readonly Id[],
  options?: CallOptions,
): Promise<Condemned> {
  const writer = new Writer(32 * packs.length + 8)
  writer.u8(mark)
  for (const pack of packs) writeId(writer, pack)
  const bytes = writer.finish()
  const name = condemnedPrefix + idToHex(idOf(bytes))
  await bucket.put(name, bytes, options)
  return { name, packs }
}

export async function listCondemned(bucket: Bucket, options?: CallOptions): Promise<Condemned[]> {
  const records: Condemned[] = []
  for await (const { name } of bucket.list(condemnedPrefix, options)) {
    try {
      records.push({ name, packs: decode(name, await bucket.get(name, options)) })
    } catch (error) {
      // Carried out meanwhile.
      if (!isTidemarkError(error, 'missing')) throw error
    }
  }
  return records
}

/** A damaged record is an error: whoever overlooked a condemned pack would rely on what is going away. */
function decode(name: string, bytes: Uint8Array): Id[] {
  if (idOf(bytes) !== idInName(name)) throw corrupt(name, 'its bytes do not match its name')
  const reader = new Reader(bytes, 'condemned packs')
  if (reader.u8() !== mark) throw reader.fail('not a list of condemned packs')
  const packs: Id[] = []
  while (reader.remaining > 0) packs.push(readId(reader))
  return packs
}
