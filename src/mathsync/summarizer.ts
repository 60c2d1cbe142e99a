import { TidemarkError } from '../errors.ts'
import { itemsOf, type Source } from '../exchange/source.ts'
import { readBody } from '../exchange/body.ts'
import { Filter } from './filter.ts'
import { FullContent } from './full-content.ts'
import { parseSummary } from './parse.ts'
import { defaultScheme, type Scheme } from './scheme.ts'
import type { Summary } from './summary.ts'

/** Makes a set's summary of a level: of 2^level cells. */
export type Summarizer = (level: number) => Promise<Summary>

/** Levels beyond this are refused: 2^22 cells are some 300 megabytes of JSON. */
export const highestLevel = 22

/** Throws `usage` for what is no level. */
export function checkLevel(level: number): void {
  if (!Number.isInteger(level) || level < 0 || level > highestLevel) {
    throw new TidemarkError('usage', `A level is a whole number from 0 to ${highestLevel}, not ${level}`)
  }
}

export interface ItemsOptions<T> {
  readonly serialize: (item: T) => Uint8Array
  readonly scheme?: Scheme
  readonly signal?: AbortSignal
}

/**
 * Summarises local items. As mathsync did: the full content when there are fewer items than cells, else a filter.
 * The source is read anew for each level when it is a function; else it is read once and kept.
 */
export function summarizeItems<T>(source: Source<T>, options: ItemsOptions<T>): Summarizer {
  const { scheme = defaultScheme } = options
  const read = localItems(source, options)
  return async (level) => {
    checkLevel(level)
    const items = await read()
    const size = 2 ** level
    // Items that repeat count here, as they did in the original.
    if (size > items.length) return new FullContent().plusMany(items)
    return Filter.empty(size, scheme).plusMany(items)
  }
}

/** The serialised items of a source, as often as asked. */
export function localItems<T>(source: Source<T>, options: ItemsOptions<T>): () => Promise<Uint8Array[]> {
  const read = async (): Promise<Uint8Array[]> => {
    const items: Uint8Array[] = []
    for await (const item of itemsOf(source, options.signal)) items.push(options.serialize(item))
    return items
  }
  if (typeof source === 'function') return read
  let kept: Promise<Uint8Array[]> | undefined
  return () => (kept ??= read())
}

/** Summarises what some producer gives as JSON: text, or the value it stands for. */
export function summarizeJson(
  produce: (level: number) => unknown,
  scheme: Scheme = defaultScheme,
): Summarizer {
  return async (level) => {
    checkLevel(level)
    return parseSummary(await produce(level), scheme, level)
  }
}

export interface FetchOptions {
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  readonly headers?: Readonly<Record<string, string>>
  readonly scheme?: Scheme
  readonly signal?: AbortSignal
  /** Most bytes of one summary. 64 MiB when left out. */
  readonly maxBytes?: number
}

/** Summarises a remote set by its endpoint: `url` is the part before `/LEVEL` ("https://…/summary"). */
export function summarizeUrl(url: string | URL, options: FetchOptions = {}): Summarizer {
  const { fetch = globalThis.fetch, headers = {}, scheme, signal, maxBytes = 2 ** 26 } = options
  return summarizeJson(async (level) => {
    const init = { headers, ...(signal === undefined ? {} : { signal }) }
    const response = await answer(fetch, `${String(url).replace(/\/$/, '')}/${level}`, init)
    const bytes = await readBody(response.body, maxBytes, 'The summary')
    return new TextDecoder().decode(bytes)
  }, scheme)
}

async function answer(
  fetch: NonNullable<FetchOptions['fetch']>,
  url: string,
  init: RequestInit,
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, init)
  } catch (error) {
    if (init.signal?.aborted === true) {
      throw new TidemarkError('cancelled', 'Reconciliation was cancelled', { cause: error })
    }
    throw new TidemarkError('unavailable', `${url} cannot be reached`, { cause: error })
  }
  if (response.ok) return response
  await response.body?.cancel()
  const code = response.status === 404 ? 'missing' : 'unavailable'
  throw new TidemarkError(code, `${url} answered ${response.status}`)
}
