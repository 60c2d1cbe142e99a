import type { Name } from '../bytes/name.ts'
import type { MetaValue } from './recentfile.ts'
import { readScalar } from './yaml-scalar.ts'

interface Line {
  readonly indent: number
  readonly text: Name
}

/**
 * Reads the block style that YAML::Syck and we write: maps and lists by indentation, scalars on one line.
 * Undefined for anything else, which may be YAML all the same: then the full library has its turn.
 */
export function readBlock(text: Name): MetaValue | undefined {
  const lines: Line[] = []
  for (const line of text.split('\n')) {
    const trimmed = line.trimEnd()
    if (trimmed === '') continue
    const content = trimmed.trimStart()
    if (content.startsWith('#') || line.includes('\t')) return undefined
    lines.push({ indent: trimmed.length - content.length, text: content })
  }
  const reader = new BlockReader(lines)
  const value = reader.value(lines[0]?.indent ?? 0, 0)
  return reader.atEnd ? value : undefined
}

const deepest = 20
const keyed =
  /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s'"[\]{}#&*!|>%@`,][^:]*(?:::?[^\s:][^:]*)*):(?: +(.*))?$/

class BlockReader {
  readonly #lines: readonly Line[]
  #at = 0
  #foreign = false

  constructor(lines: readonly Line[]) {
    this.#lines = lines
  }

  get atEnd(): boolean {
    return !this.#foreign && this.#at === this.#lines.length
  }

  /** The value whose lines have this indentation. */
  value(indent: number, depth: number): MetaValue | undefined {
    const first = this.#lines[this.#at]
    if (depth > deepest || first?.indent !== indent) return this.#fail()
    return isDash(first.text) ? this.#list(indent, depth) : this.#map(indent, depth)
  }

  #list(indent: number, depth: number): MetaValue | undefined {
    const items: MetaValue[] = []
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      if (!isDash(line.text)) break
      this.#at++
      const rest = line.text.slice(1).trimStart()
      // A map that begins beside its dash is left to the library.
      if (rest !== '' && keyed.test(rest)) return this.#fail()
      const item = rest === '' ? this.#below(indent, depth) : inline(rest)
      if (item === undefined) return this.#fail()
      items.push(item)
    }
    return items
  }

  #map(indent: number, depth: number): MetaValue | undefined {
    const map: Record<string, MetaValue> = {}
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      const match = keyed.exec(line.text)
      const key = match && readScalar(match[1]!)
      if (key === null || key === undefined || Object.hasOwn(map, key) || key === '__proto__')
        return this.#fail()
      this.#at++
      const value = match![2] === undefined ? this.#below(indent, depth) : inline(match![2])
      if (value === undefined) return this.#fail()
      map[key] = value
    }
    return map
  }

  /** What belongs to a key or a dash that nothing stands beside: deeper lines, or nothing at all. */
  #below(indent: number, depth: number): MetaValue | undefined {
    const next = this.#lines[this.#at]
    if (next === undefined || next.indent < indent) return ''
    if (next.indent === indent)
      return isDash(next.text) && !isDash(this.#lines[this.#at - 1]!.text)
        ? this.value(indent, depth + 1)
        : ''
    return this.value(next.indent, depth + 1)
  }

  #fail(): undefined {
    this.#foreign = true
    return undefined
  }
}

function isDash(text: string): boolean {
  return text === '-' || text.startsWith('- ')
}

function inline(text: Name): MetaValue | undefined {
  if (text === '[]') return []
  if (text === '{}') return {}
  return readScalar(text)
}
