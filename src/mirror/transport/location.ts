import { resolve } from 'node:path'
import { TidemarkError } from '../../errors.ts'

/** Where an origin is, as the user wrote it. */
export interface Location {
  readonly kind: 'directory' | 'http' | 'rsync'
  /** The directory that is the top of the tree: a path, a URL that ends with `/`, or what rsync takes. */
  readonly base: string
  /** The name of its smallest index, or of the link to it (`RECENT.recent`), where that was written. */
  readonly principal: string | undefined
}

/** `RECENT-1h.yaml`, `RECENT.recent`: what the Perl programs are given as the source. */
const indexName = /^[^/]+(?:-\d*[smhdWMQYZ]\.[A-Za-z]+|\.recent)$/

/**
 * `dir`, `http(s)://host/path/`, `rsync://[user@]host[:port]/module/path`, `[user@]host::module/path`,
 * `[user@]host:path`; each may end with the name of an index. Throws `usage`.
 */
export function parseLocation(text: string, workingDirectory: string): Location {
  // rsync and ssh would read it as an option.
  if (text === '' || text.startsWith('-')) throw new TidemarkError('usage', `'${text}' is no origin`)
  if (text.includes('\0')) throw new TidemarkError('usage', 'an origin cannot hold a NUL')
  if (/^https?:\/\//i.test(text)) return parseUrl(text)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) && !/^rsync:\/\//i.test(text)) {
    throw new TidemarkError('usage', `${text}: a directory, http://, https:// or rsync:// is needed`)
  }
  const isRemote = /^rsync:\/\//i.test(text) || /^[^/:]+(?:::|:)/.test(text)
  const { base, principal } = splitIndex(text)
  if (!isRemote) return { kind: 'directory', base: resolve(workingDirectory, base), principal }
  return { kind: 'rsync', base: /[/:]$/.test(base) ? base : `${base}/`, principal }
}

function parseUrl(text: string): Location {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new TidemarkError('usage', `${text}: not a URL`)
  }
  if (url.hash !== '') throw new TidemarkError('usage', `${text}: a URL with # is no place`)
  const { base, principal } = splitIndex(url.pathname)
  url.pathname = base.endsWith('/') ? base : `${base}/`
  return {
    kind: 'http',
    base: url.href,
    principal: principal === undefined ? undefined : decodeURIComponent(principal),
  }
}

function splitIndex(text: string): { base: string; principal: string | undefined } {
  const cut = Math.max(text.lastIndexOf('/'), text.lastIndexOf(':')) + 1
  const last = text.slice(cut)
  if (!indexName.test(last)) return { base: text, principal: undefined }
  return { base: cut === 0 ? '.' : text.slice(0, cut), principal: last }
}
