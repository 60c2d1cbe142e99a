import { fstatSync, writeSync } from 'node:fs'
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import { fromSystem, systemCode } from '../errors.ts'

/** Whoever read our output has gone (`tidemark log | head`): the command ends, quietly and well. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

export type Style = Parameters<typeof styleText>[0]

const bufferSize = 32 * 1024

/**
 * Standard output or standard error. Text to standard output is gathered into pieces of 32 KiB unless it goes to a
 * terminal; a slow reader is waited for. Every method but `style` throws OutputClosed once the reader has gone, and a
 * TidemarkError when the system takes no more. Not so standard error: there is nobody left to tell, and what is under way
 * does not end for a remark that nobody can read.
 */
export class Output {
  readonly #open: () => NodeJS.WriteStream
  readonly #descriptor: number | undefined
  #stream: NodeJS.WriteStream | undefined
  #terminal: boolean | undefined
  #buffer = ''
  #last: Uint8Array | undefined
  #colours: boolean | undefined
  #failure: Error | undefined

  /**
   * `open` is called when the stream is needed: Node's own take 4 ms to make, and few commands print so much. `descriptor` is
   * the number of what it writes to, if it is one of the two.
   */
  constructor(open: () => NodeJS.WriteStream, descriptor?: number) {
    this.#open = open
    this.#descriptor = descriptor
  }

  static standard(): Output {
    return new Output(() => process.stdout, 1)
  }

  static error(): Output {
    return new Output(() => process.stderr, 2)
  }

  get stream(): NodeJS.WriteStream {
    if (this.#stream !== undefined) return this.#stream
    const stream = this.#open()
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure = failureOf(error)
    })
    return (this.#stream = stream)
  }

  get terminal(): boolean {
    return (this.#terminal ??= !isPlain(this.#descriptor) && this.stream.isTTY)
  }

  /** Columns of the terminal; 80 where there is none. */
  get width(): number {
    const { columns } = this.stream as Partial<WriteStream>
    return columns !== undefined && columns > 0 ? columns : 80
  }

  /** Coloured only on a terminal, and as NO_COLOR and FORCE_COLOR say. */
  style(style: Style, text: string): string {
    // Looked up once: it costs more than to write the line. Elsewhere than on a terminal it is rarely worth the look.
    this.#colours ??=
      (this.terminal || process.env['FORCE_COLOR'] !== undefined) &&
      styleText('bold', 'x', { stream: this.stream }) !== 'x'
    return this.#colours ? styleText(style, text, { validateStream: false }) : text
  }

  async line(text: string): Promise<void> {
    this.#buffer += `${text}\n`
    const gathers = this.#descriptor === 1 && this.#buffer.length < bufferSize
    if (!gathers || this.terminal) await this.flush()
  }

  /** For callers that cannot wait; what goes wrong is told by the next call that can. */
  add(text: string): void {
    this.line(text).catch(() => {})
  }

  /** Bytes as they are. */
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.flush()
    await this.#write(bytes)
  }

  /** The bytes that end the output; {@link end} writes them. They must not change before. */
  last(bytes: Uint8Array): void {
    this.#last = bytes
  }

  async flush(): Promise<void> {
    this.#throwFailure()
    if (this.#buffer === '') return
    const text = this.#buffer
    this.#buffer = ''
    await this.#write(text)
  }

  async #write(data: string | Uint8Array): Promise<void> {
    this.#throwFailure()
    if (this.#failure !== undefined) return
    if (!this.stream.write(data)) await this.#room()
    this.#throwFailure()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined && this.#descriptor !== 2) throw this.#failure
  }

  /** Resolves when more can be written, or nothing ever again. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of ['drain', 'error', 'close']) this.stream.off(event, done)
        resolve()
      }
      for (const event of ['drain', 'error', 'close']) this.stream.on(event, done)
    })
  }

  /** Resolves when everything has been handed to the system. A slow reader may keep the whole process waiting. */
  async end(): Promise<void> {
    if (this.#stream === undefined && isPlain(this.#descriptor)) this.#endAtOnce(this.#descriptor)
    await this.flush()
    if (this.#last !== undefined) await this.#write(this.#last)
    const stream = this.#stream
    if (stream === undefined || this.#failure !== undefined) return
    const error = await new Promise<Error | null | undefined>((resolve) => stream.write('', resolve))
    if (error) this.#failure ??= failureOf(error)
    this.#throwFailure()
  }

  /** Writes what there is without the stream; leaves to that what the other side does not take at once. */
  #endAtOnce(descriptor: number): void {
    const parts = [Buffer.from(this.#buffer), ...(this.#last === undefined ? [] : [this.#last])]
    this.#buffer = ''
    this.#last = undefined
    for (const [i, part] of parts.entries()) {
      let written = 0
      try {
        written = writeAtOnce(descriptor, part)
      } catch (error) {
        this.#failure = failureOf(error)
        return
      }
      if (written === part.length) continue
      this.#last = Buffer.concat([part.subarray(written), ...parts.slice(i + 1)])
      return
    }
  }
}

function failureOf(error: unknown): Error {
  return systemCode(error) === 'EPIPE' ? new OutputClosed() : fromSystem(error, 'standard output')
}

/** True for what is certainly no terminal. */
function isPlain(descriptor: number | undefined): descriptor is number {
  try {
    const stat = descriptor === undefined ? undefined : fstatSync(descriptor)
    return stat !== undefined && (stat.isFile() || stat.isFIFO() || stat.isSocket())
  } catch {
    return false
  }
}

/** How many bytes were written; less than all where waiting is not for us to do. */
function writeAtOnce(descriptor: number, bytes: Uint8Array): number {
  let written = 0
  try {
    while (written < bytes.length) written += writeSync(descriptor, bytes, written)
  } catch (error) {
    if (systemCode(error) !== 'EAGAIN') throw error
  }
  return written
}
