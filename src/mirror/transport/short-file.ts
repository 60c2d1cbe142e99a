import { hash } from 'node:crypto'
import { longestShort } from './http-client.ts'
import type { HttpSource } from './http-file.ts'
import { refuseEncoding } from './http-headers.ts'
import type { Fetched, FetchOptions, Wanted } from './transport.ts'

/** Whether a file can be asked for together with others: that what comes is not another is told by its hash. */
export function isShortFile({ size, hash: told }: Wanted): boolean {
  return told !== undefined && size !== undefined && size <= longestShort
}

/**
 * Asks for a short file together with others. Anything but the content that is wanted is no answer: `other`, or undefined
 * when none came.
 */
export async function fetchShort(
  { client, address }: HttpSource,
  wanted: Wanted,
  { onBytes }: FetchOptions,
): Promise<Fetched | 'other' | undefined> {
  const answer = await client.getTogether(address.targetOf(wanted.path), {})
  if (answer === undefined) return undefined
  const { status, headers, content } = answer
  onBytes?.(content.length)
  if (status !== 200 || content.length !== wanted.size) return 'other'
  refuseEncoding(headers, wanted.path)
  const came = hash('sha256', content, 'buffer')
  if (!isWanted(came, wanted)) return 'other'
  return { wanted, outcome: 'content', content, hash: came }
}

/** Whether this is the SHA-256 of the content wanted. */
export function isWanted(came: Uint8Array | undefined, { hash: told }: Wanted): boolean {
  return came !== undefined && told !== undefined && Buffer.compare(came, told) === 0
}
