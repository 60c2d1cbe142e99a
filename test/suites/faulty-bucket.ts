import { TidemarkError, type ErrorCode } from '../../src/errors.ts'
import type { Bucket, BucketEntry, CallOptions, GetOptions } from '../../src/store/bucket.ts'
import { seededRandom } from './random.ts'

/** What may befall one call. A kind that means nothing for a method is no fault there. */
export type Fault =
  /** Fails without having done anything. */
  | { readonly kind: 'before'; readonly code?: ErrorCode }
  /** Does all it was asked, and then fails. */
  | { readonly kind: 'after'; readonly code?: ErrorCode }
  /** Gives no answer until its signal is aborted; with `forever` not even then. Does nothing. */
  | { readonly kind: 'hang'; readonly forever?: boolean }
  /** A put stores nothing and fails; a get returns fewer bytes; a listing fails after some of its entries. */
  | { readonly kind: 'cut' }
  /** A get returns other bytes of the same length; a listing leaves out every second entry. */
  | { readonly kind: 'lie' }
  /** A put or delete reports success and has done nothing. */
  | { readonly kind: 'forget' }

export type FaultKind = Fault['kind']

export interface Operation {
  /** Counted over all calls of the bucket, from 0. */
  readonly number: number
  readonly method: keyof Bucket
  /** The prefix of a list. */
  readonly name: string
}

/** What a bucket did: the operation, the fault it met, and whether it ended as its caller wished. */
export interface Done extends Operation {
  readonly fault: FaultKind | undefined
  outcome: 'open' | 'resolved' | 'rejected'
}

/** Decides for each call, when it begins, what will befall it. */
export type FaultPlan = (operation: Operation) => Fault | undefined

export const noFaults: FaultPlan = () => undefined

/** Faults by the number of the operation. */
export function faultsAt(faults: Readonly<Record<number, Fault>>): FaultPlan {
  return ({ number }) => faults[number]
}

/** The disk is pulled: from operation `first` on everything fails without having done anything. */
export function pulledAt(first: number, code: ErrorCode = 'failed'): FaultPlan {
  return ({ number }) => (number >= first ? { kind: 'before', code } : undefined)
}

/** A fault in `share` of all operations, of any of `faults`; the seed decides which. */
export function seededFaults(seed: number, share: number, faults: readonly Fault[]): FaultPlan {
  const random = seededRandom(seed)
  return () => {
    const drawn = random()
    const which = Math.floor(random() * faults.length)
    return drawn < share ? faults[which] : undefined
  }
}

/** A bucket for tests in which things go wrong as planned, and which keeps a record of them. */
export class FaultyBucket implements Bucket {
  readonly bucket: Bucket
  plan: FaultPlan
  readonly done: Done[] = []

  constructor(bucket: Bucket, plan: FaultPlan = noFaults) {
    this.bucket = bucket
    this.plan = plan
  }

  /** How many calls were made so far: of one method, or of all. */
  count(method?: keyof Bucket): number {
    return method === undefined
      ? this.done.length
      : this.done.filter((operation) => operation.method === method).length
  }

  async get(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    const { done, fault } = this.#begin('get', name)
    return settle(done, async () => {
      await failBefore(done, fault, options)
      const bytes = await this.bucket.get(name, options)
      failAfter(done, fault)
      if (fault?.kind === 'cut') return bytes.slice(0, Math.floor(bytes.length / 2))
      if (fault?.kind === 'lie') return bytes.map((byte) => byte ^ 0x55)
      return bytes
    })
  }

  async put(name: string, bytes: Uint8Array, options: CallOptions = {}): Promise<void> {
    const { done, fault } = this.#begin('put', name)
    await settle(done, async () => {
      await failBefore(done, fault, options)
      if (fault?.kind === 'cut') throw failure(done, 'cut short')
      if (fault?.kind !== 'forget') await this.bucket.put(name, bytes, options)
      failAfter(done, fault)
    })
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<BucketEntry, void> {
    const { done, fault } = this.#begin('list', prefix)
    done.outcome = 'rejected'
    await failBefore(done, fault, options)
    let seen = 0
    for await (const entry of this.bucket.list(prefix, options)) {
      seen++
      if (fault?.kind === 'cut' && seen > 3) break
      if (fault?.kind !== 'lie' || seen % 2 === 1) yield entry
    }
    if (fault?.kind === 'cut') throw failure(done, 'cut short')
    failAfter(done, fault)
    done.outcome = 'resolved'
  }

  async delete(name: string, options: CallOptions = {}): Promise<void> {
    const { done, fault } = this.#begin('delete', name)
    await settle(done, async () => {
      await failBefore(done, fault, options)
      if (fault?.kind !== 'forget') await this.bucket.delete(name, options)
      failAfter(done, fault)
    })
  }

  #begin(method: keyof Bucket, name: string): { done: Done; fault: Fault | undefined } {
    const operation = { number: this.done.length, method, name }
    const fault = this.plan(operation)
    const done: Done = { ...operation, fault: fault?.kind, outcome: 'open' }
    this.done.push(done)
    return { done, fault }
  }
}

async function settle<T>(done: Done, act: () => Promise<T>): Promise<T> {
  try {
    const result = await act()
    done.outcome = 'resolved'
    return result
  } catch (error) {
    done.outcome = 'rejected'
    throw error
  }
}

async function failBefore(done: Operation, fault: Fault | undefined, options: CallOptions): Promise<void> {
  if (fault?.kind === 'before') throw failure(done, 'before it began', fault.code)
  if (fault?.kind === 'hang') await hang(done, fault.forever === true ? undefined : options.signal)
}

function failAfter(done: Operation, fault: Fault | undefined): void {
  if (fault?.kind === 'after') throw failure(done, 'after it was done', fault.code)
}

function hang(done: Operation, signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(failure(done, 'hung until it was stopped', 'cancelled'))
    if (signal?.aborted === true) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}

function failure({ method, name, number }: Operation, what: string, code: ErrorCode = 'unavailable'): Error {
  return new TidemarkError(code, `planned fault, ${what}: ${method} ${name} (operation ${number})`)
}
