import { TidemarkError } from '../errors.ts'
import { checkBucketName } from './bucket-name.ts'
import type { Bucket, BucketEntry, GetOptions, CallOptions } from './bucket.ts'

/** Another bucket that cannot be changed through this one: put and delete reject `denied`. */
export class ReadOnlyBucket implements Bucket {
  readonly #bucket: Bucket

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  get(name: string, options?: GetOptions): Promise<Uint8Array> {
    return this.#bucket.get(name, options)
  }

  list(prefix: string, options?: CallOptions): AsyncIterable<BucketEntry> {
    return this.#bucket.list(prefix, options)
  }

  async put(name: string): Promise<void> {
    checkBucketName(name)
    throw new TidemarkError('denied', `write ${name}: opened for reading only`)
  }

  async delete(name: string): Promise<void> {
    checkBucketName(name)
    throw new TidemarkError('denied', `delete ${name}: opened for reading only`)
  }
}
