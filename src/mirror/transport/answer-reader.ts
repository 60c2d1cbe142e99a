/** An answer that has come whole. */
export interface WholeAnswer {
  readonly status: number
  /** Names in lower case; of one that comes twice the first. */
  readonly headers: Readonly<Record<string, string>>
  readonly content: Uint8Array
}

/** Bytes before the content of an answer, at most. */
const longestHead = 16 * 1024
const endOfHead = Buffer.from('\r\n\r\n')
const noBytes = Buffer.alloc(0)

/** What stands before the content of an answer. */
interface Head {
  readonly status: number
  readonly headers: Record<string, string>
  readonly length: number
}

/**
 * Takes apart what comes over a connection on which several requests were made at once: answers of HTTP/1.1, one after
 * the other, each short and with its length. `push` returns undefined at the first that is anything else (RFC 9112 has much
 * more): the connection is to be closed then, and what has not been answered to be asked for in another way.
 */
export class AnswerReader {
  readonly #longest: number
  #rest: Buffer = noBytes
  #head: Head | undefined

  /** `longest`: bytes of a content, at most. */
  constructor(longest: number) {
    this.#longest = longest
  }

  /** The answers that have come whole with `piece`, at most `most` of them; what they hold shares memory with it. */
  push(piece: Buffer, most: number): WholeAnswer[] | undefined {
    const answers: WholeAnswer[] = []
    let rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    while (rest.length > 0) {
      // What nobody has asked for.
      if (answers.length === most) return undefined
      if (this.#head === undefined) {
        const end = rest.indexOf(endOfHead)
        if (end > longestHead || (end < 0 && rest.length > longestHead)) return undefined
        if (end < 0) break
        this.#head = parseHead(rest.toString('latin1', 0, end))
        if (this.#head === undefined || this.#head.length > this.#longest) return undefined
        rest = rest.subarray(end + endOfHead.length)
      }
      const { status, headers, length } = this.#head
      if (rest.length < length) break
      answers.push({ status, headers, content: rest.subarray(0, length) })
      rest = rest.subarray(length)
      this.#head = undefined
    }
    this.#rest = rest
    return answers
  }
}

/** Undefined for one that is not plain. */
function parseHead(text: string): Head | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const status = Number(/^HTTP\/1\.1 ([2-5]\d\d)(?: |$)/.exec(first)?.[1])
  if (Number.isNaN(status)) return undefined
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    // A blank before the colon, or a line that goes on with the one before: one server's answer would be another's two.
    if (colon < 1 || !isToken(name)) return undefined
    if (name === 'transfer-encoding' || (name === 'content-length' && (headers[name] ?? value) !== value))
      return undefined
    headers[name] ??= value
  }
  if (status === 204 || status === 304) return { status, headers, length: 0 }
  const length = headers['content-length']
  return length !== undefined && /^\d{1,15}$/.test(length)
    ? { status, headers, length: Number(length) }
    : undefined
}

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

function isToken(name: string): boolean {
  return token.test(name)
}
