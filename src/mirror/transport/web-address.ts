import { nameToBytes, type Name } from '../../bytes/name.ts'

/** Where the files of a tree are on the web. Names are bytes, and every byte that could mean something else is escaped. */
export class WebAddress {
  readonly #base: URL

  /** `base` ends with `/`. */
  constructor(base: URL) {
    this.#base = base
  }

  get host(): string {
    return this.#base.host
  }

  urlOf(path: Name): URL {
    const url = new URL(this.#base)
    url.pathname += escapePath(path)
    return url
  }

  /** What a request names it by. */
  targetOf(path: Name): string {
    return this.#base.pathname + escapePath(path) + this.#base.search
  }
}

/** Neither a part that is `.` or `..` nor a byte that is left to others to read. */
const plain = /^(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:\/|$))+$/

function escapePath(path: Name): string {
  return plain.test(path) ? path : path.split('/').map(escapeName).join('/')
}

function escapeName(name: Name): string {
  let escaped = ''
  for (const byte of nameToBytes(name)) {
    const character = String.fromCharCode(byte)
    escaped += /[A-Za-z0-9._~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return escaped
}
