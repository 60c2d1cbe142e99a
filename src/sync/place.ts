import { resolve } from 'node:path'
import { TidemarkError } from '../errors.ts'

/** Where a copy of a folder is. */
export type Place =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 'ssh'
      readonly user: string | undefined
      readonly host: string
      readonly port: number | undefined
      /** Absolute, or relative to the home of the user there when it does not begin with `/`. */
      readonly path: string
    }
  | {
      readonly kind: 'tidemark'
      readonly host: string
      readonly port: number
      /** What the folder is called there. */
      readonly name: string
    }

/**
 * A directory, `ssh://[user@]host[:port]/path` (`/~/path` counts from the home there) or `tidemark://host:port/name`.
 * Throws `usage`.
 */
export function parsePlace(text: string, workingDirectory: string): Place {
  if (text === '') throw new TidemarkError('usage', 'the place of a folder is empty')
  if (text.includes('\0')) throw new TidemarkError('usage', 'the place of a folder has a NUL in it')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'ssh') return parseSsh(text)
  if (scheme === 'tidemark') return parseTidemark(text)
  if (scheme !== undefined)
    throw new TidemarkError(
      'usage',
      `${text}: a directory, ssh://host/path or tidemark://host:port/name is needed`,
    )
  const [, host, path] = /^([^/:]+):(.*)$/s.exec(text) ?? []
  if (host !== undefined && path !== undefined) {
    const there = path.startsWith('/') ? path : `/~/${path}`
    throw new TidemarkError(
      'usage',
      `${text}: write ssh://${host}${there}, or ./${text} for a directory here`,
    )
  }
  return { kind: 'directory', path: resolve(workingDirectory, text) }
}

function parseSsh(text: string): Place {
  const form =
    /^ssh:\/\/(?:(?<user>[^@/:]+)@)?(?:\[(?<six>[0-9a-f:.%]+)\]|(?<host>[^/:@[\]]+))(?::(?<port>\d{1,5}))?(?<path>\/.*)?$/is
  const {
    user,
    six,
    host = six,
    port,
    path = '',
  } = { ...form.exec(text)?.groups } as Partial<Record<string, string>>
  if (host === undefined)
    throw new TidemarkError('usage', `${text}: not of the form ssh://[user@]host[:port]/path`)
  // ssh would read it as an option.
  for (const word of [host, user ?? 'x'])
    if (!/^[\p{L}\p{N}_[][^\s]*$/u.test(word) && !word.startsWith(':'))
      throw new TidemarkError('usage', `${text}: ${JSON.stringify(word)} is no name of a host or a user`)
  if (path === '' || path === '/')
    throw new TidemarkError('usage', `${text}: no directory is named behind the host`)
  const decoded = decode(path, text)
  const fromHome = /^\/~(?:\/|$)/.test(decoded)
  return {
    kind: 'ssh',
    user,
    host,
    port: portOf(port, text),
    path: fromHome ? decoded.slice(3) || '.' : decoded,
  }
}

function parseTidemark(text: string): Place {
  const form =
    /^tidemark:\/\/(?:\[(?<six>[0-9a-f:.%]+)\]|(?<host>[^/:@[\]\s]+)):(?<port>\d{1,5})\/(?<name>[^/]+)\/?$/i
  const { six, host = six, port, name } = { ...form.exec(text)?.groups } as Partial<Record<string, string>>
  const number = portOf(port, text)
  if (host === undefined || name === undefined || number === undefined)
    throw new TidemarkError('usage', `${text}: not of the form tidemark://host:port/name`)
  return { kind: 'tidemark', host, port: number, name: decode(name, text) }
}

function portOf(text: string | undefined, whole: string): number | undefined {
  if (text === undefined) return undefined
  const port = Number(text)
  if (port < 1 || port > 65_535) throw new TidemarkError('usage', `${whole}: there is no port ${text}`)
  return port
}

/** What a URL has escaped; a `%` that escapes nothing stands for itself. */
function decode(text: string, whole: string): string {
  let decoded
  try {
    decoded = decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'))
  } catch {
    throw new TidemarkError('usage', `${whole}: what is escaped in it is not UTF-8`)
  }
  if (decoded.includes('\0')) throw new TidemarkError('usage', `${whole}: there is a NUL in it`)
  return decoded
}

function escapePath(path: string): string {
  return path.replace(/[%\s?#]/g, encodeURIComponent)
}

/** As a user would write it: {@link parsePlace} of that is the same place. */
export function formatPlace(place: Place): string {
  if (place.kind === 'directory') return place.path
  const host = place.host.includes(':') ? `[${place.host}]` : place.host
  if (place.kind === 'tidemark') return `tidemark://${host}:${place.port}/${encodeURIComponent(place.name)}`
  const { user, port, path } = place
  const there = path.startsWith('/') ? path : path === '.' ? '/~/' : `/~/${path}`
  return `ssh://${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}${escapePath(there)}`
}
