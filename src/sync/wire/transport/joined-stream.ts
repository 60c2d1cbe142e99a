import { Duplex, type Readable, type Writable } from 'node:stream'

type Done = (error?: Error | null) => void

/** One stream of two: what is read comes from `readable`, what is written goes to `writable`. */
export class JoinedStream extends Duplex {
  readonly #readable: Readable
  readonly #writable: Writable

  /** `ended` tells when the end of `readable` may be passed on, and rejects with what went wrong. */
  constructor(readable: Readable, writable: Writable, ended: () => Promise<void> = async () => {}) {
    super({ decodeStrings: true })
    this.#readable = readable
    this.#writable = writable
    readable.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) readable.pause()
    })
    readable.on('end', () => void this.#end(ended))
    readable.on('error', (error) => this.destroy(error))
    // Whoever no longer reads may have said why: that is read first.
    writable.on('error', (error) => void this.#failed(error, ended))
  }

  async #end(ended: () => Promise<void>): Promise<void> {
    try {
      await ended()
      this.push(null)
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  async #failed(error: Error, ended: () => Promise<void>): Promise<void> {
    try {
      await ended()
      this.destroy(error)
    } catch (reason) {
      this.destroy(reason as Error)
    }
  }

  override _read(): void {
    this.#readable.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#writable.write(chunk, this.#unlessFailed(done))
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    const last = chunks.pop()!
    this.#writable.cork()
    for (const { chunk } of chunks) this.#writable.write(chunk)
    this.#writable.write(last.chunk, this.#unlessFailed(done))
    this.#writable.uncork()
  }

  /** A write that failed ends the stream by the `error` event of what it was written to. */
  #unlessFailed(done: Done): Done {
    return (error) => {
      if (error === null || error === undefined) done()
    }
  }

  override _final(done: Done): void {
    if (this.#writable.destroyed) done()
    else this.#writable.end(() => done())
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#readable.destroy()
    this.#writable.destroy()
    done(error)
  }
}
