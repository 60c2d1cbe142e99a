import type { IncomingMessage } from 'node:http'
import type { WholeAnswer } from './answer-reader.ts'

/** By names in lower case. */
export type HttpHeaders = Readonly<Record<string, string | undefined>>

/** What a web server answers. Its body is to be read to the end, or given up. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: HttpHeaders
  readonly body: AsyncIterable<Uint8Array>
  /** All of the body, where it has come already: together with others, so that it may not be what was asked for. */
  readonly content?: Uint8Array | undefined
  /** Takes the body without looking at it, so that the connection can be used again. */
  skip(): void
  /** Gives up the body, and the connection with it if there is more of it to come. */
  giveUp(): void
}

export function streamed(message: IncomingMessage): HttpAnswer {
  return {
    status: message.statusCode ?? 0,
    // What may come several times is of no use here.
    headers: message.headers as HttpHeaders,
    body: message as AsyncIterable<Uint8Array>,
    skip: () => void message.resume(),
    giveUp: () => void message.destroy(),
  }
}

export function whole({ status, headers, content }: WholeAnswer): HttpAnswer {
  return { status, headers, body: only(content), content, skip: nothing, giveUp: nothing }
}

async function* only(content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  if (content.length > 0) yield await Promise.resolve(content)
}

function nothing(): void {
  // All of it has come.
}
