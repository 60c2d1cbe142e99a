import type { Id } from '../../object/id.ts'
import type { Bucket } from '../bucket.ts'
import { canUpload } from '../upload.ts'
import type { UploadBucket } from '../upload.ts'
import { packName } from './place.ts'

/** Where the bytes of one pack go while it is made. */
export interface PackSink {
  /** Bytes written so far. */
  readonly length: number
  /** Takes the parts at once: they may be changed afterwards. */
  write(parts: readonly Uint8Array[]): void
  /** Stores the pack, whose id is `id`, durably. */
  finish(id: Id): Promise<void>
  /** Gives up: nothing remains. */
  abort(): void
}

/** A sink that keeps the pack in memory only where the bucket cannot take it in parts. */
export function openSink(bucket: Bucket): PackSink {
  return canUpload(bucket) ? new UploadSink(bucket) : new BufferSink(bucket)
}

class UploadSink implements PackSink {
  readonly #upload
  length = 0

  constructor(bucket: UploadBucket) {
    this.#upload = bucket.upload()
  }

  write(parts: readonly Uint8Array[]): void {
    this.#upload.write(parts)
    for (const part of parts) this.length += part.length
  }

  async finish(id: Id): Promise<void> {
    await this.#upload.finish(packName(id))
  }

  abort(): void {
    this.#upload.abort()
  }
}

const smallBuffer = 64 * 1024

class BufferSink implements PackSink {
  readonly #bucket: Bucket
  #bytes = new Uint8Array(smallBuffer)
  length = 0

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  write(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      const end = this.length + part.length
      if (end > this.#bytes.length) this.#grow(end)
      this.#bytes.set(part, this.length)
      this.length = end
    }
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
  }

  async finish(id: Id): Promise<void> {
    await this.#bucket.put(packName(id), this.#bytes.subarray(0, this.length))
  }

  abort(): void {
    this.#bytes = new Uint8Array(0)
  }
}
