import { TidemarkError } from '../errors.ts'
import { checkBucketName, checkBucketPrefix } from './bucket-name.ts'
import type { Bucket, BucketEntry, CallOptions, GetOptions } from './bucket.ts'
import { checkRange, resolveRange, throwIfCancelled } from './call.ts'

/**
 * A bucket in memory: the reference for all others. Bytes are copied on their way in and out, so nothing
 * that a caller does with its arrays can change what is stored.
 */
export class MemoryBucket implements Bucket {
  readonly #entries = new Map<string, Uint8Array>()

  async get(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    checkBucketName(name)
    checkRange(options.range, name)
    throwIfCancelled(options.signal, `read ${name}`)
    const bytes = this.#entries.get(name)
    if (bytes === undefined) throw new TidemarkError('missing', `${name}: no such name in this bucket`)
    const { start, end } = resolveRange(options.range, bytes.length, name)
    return copy(bytes.subarray(start, end))
  }

  async put(name: string, bytes: Uint8Array, options: CallOptions = {}): Promise<void> {
    checkBucketName(name)
    throwIfCancelled(options.signal, `write ${name}`)
    this.#entries.set(name, copy(bytes))
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<BucketEntry, void> {
    checkBucketPrefix(prefix)
    throwIfCancelled(options.signal, `list ${prefix}`)
    // The names are taken at once: a Map's iterator would show a name twice that is deleted and put again.
    const found = Array.from(this.#entries)
    for (const [name, { length: size }] of found) {
      if (!name.startsWith(prefix)) continue
      throwIfCancelled(options.signal, `list ${prefix}`)
      yield { name, size }
    }
  }

  async delete(name: string, options: CallOptions = {}): Promise<void> {
    checkBucketName(name)
    throwIfCancelled(options.signal, `delete ${name}`)
    this.#entries.delete(name)
  }
}

/** Not `slice`: a Buffer's shares its memory. */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
