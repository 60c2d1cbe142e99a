import { parseDocument } from 'yaml'
import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { MetaValue } from './recentfile.ts'

/**
 * Reads YAML of any shape; every scalar is text. Throws `corrupt`. For the few documents that neither we nor
 * YAML::Syck have written: it takes some twenty times as long as our own reader and as much memory.
 */
export function readForeignYaml(text: Name, what: string): MetaValue {
  try {
    const document = parseDocument(text, {
      schema: 'failsafe',
      logLevel: 'silent',
      uniqueKeys: true,
      prettyErrors: false,
    })
    const [error] = document.errors
    if (error !== undefined) throw error
    // No aliases: a few lines of them stand for more values than any memory holds.
    return textOnly(document.toJS({ maxAliasCount: 0 }), 0)
  } catch (error) {
    const problem = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new TidemarkError('corrupt', `${what}: ${problem}`, { cause: error })
  }
}

function textOnly(value: unknown, depth: number): MetaValue {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (depth > 50 || typeof value !== 'object') throw new Error('it is nested too deep')
  if (Array.isArray(value)) return value.map((item) => textOnly(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, textOnly(item, depth + 1)]))
}
