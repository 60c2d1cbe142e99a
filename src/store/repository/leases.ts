import { randomBytes } from 'node:crypto'
import { isTidemarkError } from '../../errors.ts'
import { isProcessAlive, ownIdentity } from '../../folder/system/identity.ts'
import type { ProcessIdentity } from '../../folder/system/identity.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { leasePrefix } from './place.ts'

/**
 * A lease says: someone is writing here, and may rely on any pack that was there when it began. It is put
 * before the writer looks at anything and deleted after its snapshot is durable. Nobody waits for a lease
 * but whoever wants to delete packs. See docs/format/repository.md, "Deleting".
 */
export interface Lease {
  readonly name: string
  release(): Promise<void>
}

/** What its holder does: `write` adds to the repository, `care` prunes or repairs it, alone of its kind. */
export type LeaseKind = 'write' | 'care'

export interface HeldLease {
  readonly name: string
  readonly kind: LeaseKind
  /** Undefined when the lease cannot be read: then nobody can tell. */
  readonly holder: ProcessIdentity | undefined
}

export async function takeLease(
  bucket: Bucket,
  options?: CallOptions,
  kind: LeaseKind = 'write',
): Promise<Lease> {
  const name = `${leasePrefix}${kind}-${randomBytes(16).toString('hex')}`
  const holder = new TextEncoder().encode(JSON.stringify(ownIdentity()))
  try {
    // A power cut ends its holder as well.
    await bucket.put(name, holder, { ...options, fleeting: true })
  } catch (error) {
    // It may have been put all the same, and would be taken to be held for as long as this process lives.
    await bucket.delete(name).catch(() => {})
    throw error
  }
  return { name, release: () => bucket.delete(name, { fleeting: true }) }
}

/** The leases in force. Those of processes of this machine that have ended are removed on the way. */
export async function listLeases(bucket: Bucket, options?: CallOptions): Promise<HeldLease[]> {
  const held: HeldLease[] = []
  for await (const { name } of bucket.list(leasePrefix, options)) {
    const holder = await readHolder(bucket, name, options)
    if (holder === 'gone') continue
    if (holder !== undefined && isProcessAlive(holder) === 'dead') await bucket.delete(name, options)
    else held.push({ name, kind: name.startsWith(`${leasePrefix}care-`) ? 'care' : 'write', holder })
  }
  return held
}

async function readHolder(
  bucket: Bucket,
  name: string,
  options?: CallOptions,
): Promise<ProcessIdentity | 'gone' | undefined> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(await bucket.get(name, options)))
    return isIdentity(value) ? value : undefined
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return 'gone'
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Record<string, unknown>
  return (
    typeof fields['machine'] === 'string' &&
    typeof fields['boot'] === 'string' &&
    typeof fields['process'] === 'string' &&
    typeof fields['pid'] === 'number'
  )
}
