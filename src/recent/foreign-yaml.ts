import type * as Yaml from 'yaml'
import type { Name } from '../bytes/name.ts'
import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { MetaValue } from './recentfile.ts'

/**
 * The library, loaded when it is first needed, which is hardly ever: that takes longer than to read most indexes. There
 * is no importing in the middle of reading, and in a room without Node's modules this is the way to what requires.
 */
function library(): typeof Yaml {
  const builtin = globalThis.process?.getBuiltinModule?.('node:module')
  if (builtin === undefined) throw new TidemarkError('unsupported', 'YAML of this shape is read on Node only')
  return (loaded ??= builtin.createRequire(import.meta.url)('yaml') as typeof Yaml)
}

let loaded: typeof Yaml | undefined

/**
 * Reads YAML of any shape; every scalar is text. Throws `corrupt`. For the few documents that neither we nor
 * YAML::Syck have written: it takes some twenty times as long as our own reader and as much memory.
 */
export function readForeignYaml(text: Name, what: string): MetaValue {
  try {
    const document = library().parseDocument(text, {
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
    if (isTidemarkError(error)) throw error
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
