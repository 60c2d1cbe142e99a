import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import { TidemarkError } from '../../errors.ts'

export type Fields = Readonly<Record<string, unknown>>
/** The way to a value: names of fields and places in lists. */
export type Path = readonly (string | number)[]

/** The text of a YAML file, read so that whatever is wrong is said with its line. All that is thrown is `usage`. */
export class YamlText {
  /** What it says. */
  readonly value: unknown
  readonly #document: Document
  readonly #lines = new LineCounter()
  readonly #file: string

  /** `file` is what it is called in errors. */
  constructor(text: string, file: string) {
    this.#file = file
    this.#document = parseDocument(text, { lineCounter: this.#lines, stringKeys: true })
    const [error] = this.#document.errors
    if (error !== undefined) {
      const { line } = this.#lines.linePos(error.pos[0])
      const problem = error.message.split('\n')[0]!.replace(/ at line.*/, '')
      throw new TidemarkError('usage', `${file}:${line}: ${problem}`)
    }
    // Aliases are counted by the library, so that a short text cannot become a large value.
    this.value = this.attempt([], (): unknown => this.#document.toJS({ maxAliasCount: 100 }))
  }

  /** The fields of a map that has no others than `keys`. */
  fields(value: unknown, at: Path, keys: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.fail(at, `expected names with values: ${keys.join(', ')}`)
    for (const key of Object.keys(value)) {
      if (!keys.includes(key)) throw this.fail([...at, key], `${key} is none of ${keys.join(', ')}`)
    }
    return value as Fields
  }

  list(value: unknown, at: Path): unknown[] {
    if (Array.isArray(value)) return value
    throw this.fail(at, `${String(at.at(-1))} is to be a list`)
  }

  /** A field that is a text or a number, as `parse` takes it; what that throws is said of its line. */
  text<T>(fields: Fields, key: string, at: Path, parse: (text: string) => T): T | undefined {
    const value = fields[key]
    if (value === undefined) return undefined
    if (typeof value !== 'string' && typeof value !== 'number')
      throw this.fail([...at, key], `${key} is to be a text`)
    return this.attempt([...at, key], () => parse(String(value)))
  }

  /** A field that is one of some words. */
  word<Word extends string>(fields: Fields, key: string, at: Path, words: readonly Word[]): Word | undefined {
    const value = fields[key]
    if (value === undefined) return undefined
    const word = words.find((word) => word === value)
    if (word !== undefined) return word
    throw this.fail([...at, key], `${key} is one of ${words.join(', ')}`)
  }

  /** What `act` gives; what it throws is said of the line of the value at `at`. */
  attempt<T>(at: Path, act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw this.fail(at, error instanceof Error ? error.message : String(error))
    }
  }

  /** What is to be thrown when the value at `at` is not right. */
  fail(at: Path, problem: string): TidemarkError {
    return new TidemarkError('usage', `${this.#file}:${this.#lineOf(at)}: ${problem}`)
  }

  /** Of what is at the end of the path, as far as that is there. */
  #lineOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const [above, last] = [this.#document.getIn(path.slice(0, length - 1), true), path[length - 1]]
      const key = isMap(above)
        ? above.items.find(({ key }) => isScalar(key) && key.value === last)?.key
        : undefined
      const node = key ?? this.#document.getIn(path.slice(0, length), true)
      const { range } = (node ?? {}) as { range?: readonly number[] }
      if (range?.[0] !== undefined) return this.#lines.linePos(range[0]).line
    }
    return 1
  }
}
