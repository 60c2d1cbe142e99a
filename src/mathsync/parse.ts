import { corrupt, TidemarkError } from '../errors.ts'
import { fromBase64 } from './base64.ts'
import { Filter } from './filter.ts'
import { FullContent } from './full-content.ts'
import { defaultScheme, type Scheme } from './scheme.ts'
import type { Cell } from './cell.ts'
import type { Summary } from './summary.ts'

/**
 * Reads mathsync's JSON, as text or as the value it stands for. Throws `corrupt` for anything else; a filter must
 * have 2^`level` cells when a level is given.
 */
export function parseSummary(json: unknown, scheme: Scheme = defaultScheme, level?: number): Summary {
  const value = typeof json === 'string' ? parseJson(json) : json
  if (Array.isArray(value)) {
    if (level !== undefined && value.length !== 2 ** level) {
      throw corrupt('summary', `level ${level} has ${value.length} cells`)
    }
    if (value.length === 0) throw corrupt('summary', 'it has no cells')
    return new Filter(value.map(parseCell), scheme)
  }
  if (typeof value === 'object' && value !== null && 'added' in value && 'removed' in value) {
    return FullContent.of({ added: parseItems(value.added), removed: parseItems(value.removed) })
  }
  throw corrupt('summary', 'it is neither a list of cells nor a full content')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new TidemarkError('corrupt', 'summary: it is not JSON', { cause: error })
  }
}

function parseCell(value: unknown, at: number): Cell {
  if (!Array.isArray(value) || value.length !== 3)
    throw corrupt('summary', `cell ${at} is not of three parts`)
  const [count, xor, hash] = value as unknown[]
  if (typeof count !== 'number' || !Number.isSafeInteger(count)) {
    throw corrupt('summary', `the count of cell ${at} is not a whole number`)
  }
  return { count, xor: parseBytes(xor), hash: parseBytes(hash) }
}

function parseItems(value: unknown): Uint8Array[] {
  if (!Array.isArray(value)) throw corrupt('summary', 'its items are not a list')
  return value.map(parseBytes)
}

function parseBytes(value: unknown): Uint8Array {
  const bytes = typeof value === 'string' ? fromBase64(value) : undefined
  if (bytes === undefined) throw corrupt('summary', 'a part of it is not base64')
  return bytes
}
