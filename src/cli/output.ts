import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

/** Whoever read our output has gone (`tidemark log | head`): the command ends, quietly and well. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

export type Style = Parameters<typeof styleText>[0]

const bufferSize = 32 * 1024

/**
 * Standard output or standard error. Text to standard output is gathered into pieces of 32 KiB unless it goes to a
 * terminal; a slow reader is waited for. Every method but `style` throws OutputClosed once the reader has gone.
 */
export class Output {
  readonly stream: NodeJS.WriteStream
  readonly terminal: boolean
  readonly #buffered: boolean
  #buffer = ''
  #colours: boolean | undefined
  #failure: Error | undefined

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream
    this.terminal = stream.isTTY
    this.#buffered = !this.terminal && stream !== process.stderr
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure = error.code === 'EPIPE' ? new OutputClosed() : error
    })
  }

  /** Columns of the terminal; 80 where there is none. */
  get width(): number {
    const { columns } = this.stream as Partial<WriteStream>
    return columns !== undefined && columns > 0 ? columns : 80
  }

  /** Coloured only on a terminal, and as NO_COLOR and FORCE_COLOR say. */
  style(style: Style, text: string): string {
    // Looked up once: it costs more than to write the line. Elsewhere than on a terminal it is rarely worth the look.
    const mayBe = this.terminal || process.env['FORCE_COLOR'] !== undefined
    this.#colours ??= mayBe && styleText('bold', 'x', { stream: this.stream }) !== 'x'
    return this.#colours ? styleText(style, text, { validateStream: false }) : text
  }

  async line(text: string): Promise<void> {
    this.#buffer += `${text}\n`
    if (!this.#buffered || this.#buffer.length >= bufferSize) await this.flush()
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

  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#buffer === '') return
    const text = this.#buffer
    this.#buffer = ''
    await this.#write(text)
  }

  async #write(data: string | Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (!this.stream.write(data)) await this.#room()
    if (this.#failure !== undefined) throw this.#failure
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

  /** Resolves when everything has been handed to the system. */
  async end(): Promise<void> {
    await this.flush()
    await new Promise<void>((resolve) => this.stream.write('', () => resolve()))
  }
}
