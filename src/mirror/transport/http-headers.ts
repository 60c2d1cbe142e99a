import { displayName, type Name } from '../../bytes/name.ts'
import { TidemarkError, type ErrorCode } from '../../errors.ts'
import type { HttpAnswer, HttpHeaders } from './http-answer.ts'

/** What names a state of a file: its tag, else its time and length. */
export function stateOf(headers: HttpHeaders): string | undefined {
  const { etag } = headers
  if (etag !== undefined) return JSON.stringify({ etag })
  const modified = headers['last-modified']
  if (modified === undefined) return undefined
  return JSON.stringify({ modified, size: contentRange(headers)?.size ?? lengthOf(headers) })
}

/** The headers that ask for a file only if it has another state. */
export function conditionOf(state: string): Record<string, string> {
  const { etag, modified } = JSON.parse(state) as { etag?: string; modified?: string }
  if (etag !== undefined) return { 'if-none-match': etag }
  return modified === undefined ? {} : { 'if-modified-since': modified }
}

export function contentRange(headers: HttpHeaders): { start: number; size: number | undefined } | undefined {
  const [, start, size] =
    /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(headers['content-range'] ?? '') ?? []
  if (start === undefined) return undefined
  return { start: Number(start), size: size === '*' ? undefined : Number(size) }
}

export function lengthOf(headers: HttpHeaders): number | undefined {
  const length = headers['content-length']
  return length === undefined || !/^\d{1,15}$/.test(length) ? undefined : Number(length)
}

export function mtimeOf(headers: HttpHeaders): bigint | undefined {
  const time = Date.parse(headers['last-modified'] ?? '')
  return Number.isNaN(time) ? undefined : BigInt(time) * 1_000_000n
}

/** Only what was asked for is of use: a compressed body has other bytes and another length. */
export function refuseEncoding(headers: HttpHeaders, path: Name): void {
  const encoding = headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return
  throw new TidemarkError(
    'unsupported',
    `${displayName(path)}: the server compresses it (${encoding}) unasked`,
  )
}

export function refused({ status }: HttpAnswer, where: string, path: Name): TidemarkError {
  const code: ErrorCode =
    status === 401 || status === 403 || status === 407
      ? 'denied'
      : status === 429 || status >= 500
        ? 'unavailable'
        : 'failed'
  return new TidemarkError(code, `${where} answered ${status} to ${displayName(path)}`)
}

/** The tag that can guard a range; a weak one cannot. */
export function strongTag(state: string | undefined): string | undefined {
  const etag: unknown = state === undefined ? undefined : (JSON.parse(state) as { etag?: unknown }).etag
  return typeof etag === 'string' && !etag.startsWith('W/') ? etag : undefined
}

/**
 * Whether a file was written within the two seconds before it was read, by the server's own clock: nginx, for one,
 * makes its tag of whole seconds and the length, so that two versions of one second may have one tag. Our own
 * server's have nanoseconds.
 */
export function isFresh(headers: HttpHeaders): boolean {
  if (headers['server'] === 'tidemark') return false
  const [modified, now] = [Date.parse(headers['last-modified'] ?? ''), Date.parse(headers['date'] ?? '')]
  return !(now - modified >= 2000)
}
