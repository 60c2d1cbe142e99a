import type { Socket } from 'node:net'
import { AnswerReader, type WholeAnswer } from './answer-reader.ts'

/** Called with the answer, or without one: then the request is to be made in another way. */
export type Answered = (answer: WholeAnswer | undefined) => void

export interface ConnectionOptions {
  /** Bytes of a content, at most. */
  readonly longest: number
  /** Milliseconds in which something must come. */
  readonly patience: number
}

/** A connection over which requests go without waiting for the answers to those before. */
export class PipelinedConnection {
  readonly #socket: Socket
  readonly #onClosed: (hasAnswered: boolean) => void
  #hasAnswered = false
  #isOpen = true
  readonly #reader: AnswerReader
  /** Those who wait, in the order of their requests. */
  #waiting: Answered[] = []
  #unsent = ''

  /** `onClosed` is told whether one answer at least had come. */
  constructor(
    socket: Socket,
    { longest, patience }: ConnectionOptions,
    onClosed: (hasAnswered: boolean) => void,
  ) {
    this.#socket = socket
    this.#onClosed = onClosed
    this.#reader = new AnswerReader(longest)
    socket.setNoDelay(true)
    socket.setTimeout(patience)
    socket.on('data', (piece: Buffer) => this.#take(piece))
    for (const event of ['error', 'timeout', 'end', 'close']) socket.on(event, () => this.close())
  }

  /** Requests that have not been answered yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** `request` is all of it, in Latin-1. What is asked for at a time goes out in one piece. */
  ask(request: string, answered: Answered): void {
    this.#waiting.push(answered)
    if (this.#unsent === '') process.nextTick(() => this.#send())
    this.#unsent += request
  }

  #send(): void {
    if (this.#isOpen) this.#socket.write(this.#unsent, 'latin1')
    this.#unsent = ''
  }

  #take(piece: Buffer): void {
    const answers = this.#reader.push(piece, this.#waiting.length)
    if (answers === undefined) return this.close()
    const answered = this.#waiting.splice(0, answers.length)
    let isLast = false
    for (const [i, answer] of answers.entries()) {
      // What comes after the one that says so is not to be believed.
      answered[i]!(isLast ? undefined : answer)
      isLast ||= /\bclose\b/i.test(answer.headers['connection'] ?? '')
      this.#hasAnswered = true
    }
    if (isLast) this.close()
  }

  /** Whoever still waits is told that there is no answer. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#socket.destroy()
    this.#onClosed(this.#hasAnswered)
    for (const answered of this.#waiting.splice(0)) answered(undefined)
  }
}
