import { corrupt, TidemarkError } from '../errors.ts'

/**
 * A repository's configuration: one small JSON document, so that whoever finds a repository without the
 * program can tell what it is.
 */
export interface RepositoryConfig {
  readonly format: 'tidemark repository'
  readonly version: 1
  /** Drawn at random when the repository was made: 32 hexadecimal digits. */
  readonly id: string
  readonly hash: 'sha256'
  /** How contents are cut, see chunker.md; another value may come with a new version only. */
  readonly chunker: 'two-level-1'
}

/** No configuration is larger. */
export const maxConfigSize = 65_536

export function encodeConfig(config: RepositoryConfig): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(config, undefined, 2)}\n`)
}

/** Throws `corrupt` for what is no configuration, `unsupported` for that of a newer program. */
export function decodeConfig(bytes: Uint8Array): RepositoryConfig {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, maxConfigSize)))
  } catch (error) {
    throw new TidemarkError('corrupt', 'config: not a JSON document', { cause: error })
  }
  if (typeof value !== 'object' || value === null) throw corrupt('config', 'not an object')
  const config = value as Partial<Record<keyof RepositoryConfig, unknown>>
  if (config.format !== 'tidemark repository') throw corrupt('config', 'not that of a Tidemark repository')
  if (config.version !== 1 || config.hash !== 'sha256' || config.chunker !== 'two-level-1') {
    const found = `version ${String(config.version)}, ${String(config.hash)}, ${String(config.chunker)}`
    throw new TidemarkError('unsupported', `config: made by a newer Tidemark (${found}): update this one`)
  }
  if (typeof config.id !== 'string' || !/^[0-9a-f]{32}$/.test(config.id)) throw corrupt('config', 'bad id')
  return { format: config.format, version: 1, id: config.id, hash: 'sha256', chunker: 'two-level-1' }
}
