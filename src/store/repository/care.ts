import { TidemarkError } from '../../errors.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { throwIfCancelled } from '../call.ts'
import { systemTime } from '../time.ts'
import type { Time } from '../time.ts'
import { listLeases, takeLease } from './leases.ts'
import type { HeldLease, Lease } from './leases.ts'

export interface CareOptions extends CallOptions {
  /** Leases whose holders are known never to come back, by name. */
  readonly ignoreLeases?: readonly string[] | undefined
}

/**
 * Takes the lease of those who delete: at any time at most one process prunes or repairs. Of two that begin
 * at once at least one sees the other, because each puts its lease before it looks. Rejects `busy`.
 */
export async function takeCare(bucket: Bucket, options: CareOptions = {}): Promise<Lease> {
  const lease = await takeLease(bucket, options, 'care')
  try {
    const [other] = (await otherLeases(bucket, lease, options)).filter(({ kind }) => kind === 'care')
    if (other === undefined) return lease
    throw new TidemarkError('busy', `another process prunes or repairs this repository (${describe(other)})`)
  } catch (error) {
    await lease.release()
    throw error
  }
}

/** The leases in force but `own` and those to ignore. */
export async function otherLeases(bucket: Bucket, own: Lease, options: CareOptions): Promise<HeldLease[]> {
  const ignored = new Set(options.ignoreLeases)
  return (await listLeases(bucket, options)).filter(({ name }) => name !== own.name && !ignored.has(name))
}

export interface WaitOptions extends CareOptions {
  /** How long to wait at most, in milliseconds. */
  readonly waitMs?: number | undefined
  readonly time?: Time | undefined
}

/** Waits until none of `leases` is there any more; resolves with those that are there still. */
export async function waitForLeases(
  bucket: Bucket,
  leases: readonly HeldLease[],
  options: WaitOptions,
): Promise<readonly HeldLease[]> {
  const { waitMs = 0, time = systemTime, signal } = options
  const end = time.now() + waitMs
  let held = leases
  for (let pause = 50; held.length > 0 && time.now() < end; pause = Math.min(2 * pause, 2000)) {
    await time.sleep(Math.min(pause, end - time.now()), signal).catch((error: unknown) => {
      throwIfCancelled(signal, 'wait for writers')
      throw error
    })
    const listed = new Set((await listLeases(bucket, options)).map(({ name }) => name))
    held = held.filter(({ name }) => listed.has(name))
  }
  return held
}

/** For a person. */
export function describe({ name, holder }: HeldLease): string {
  return holder === undefined ? name : `${name}, process ${holder.pid} of ${holder.machine}`
}
