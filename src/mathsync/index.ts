/**
 * mathsync's summaries and their JSON, as server and as client, with its decoding made safe. For applications
 * that speak it already; `tidemark/exchange` does the same in a fraction of the traffic.
 */
export type { Cell } from './cell.ts'
export { Filter } from './filter.ts'
export { FullContent } from './full-content.ts'
export { summaryHandler } from './handler.ts'
export { parseSummary } from './parse.ts'
export { resolve, type Resolution, type ResolveOptions } from './resolver.ts'
export { defaultScheme, paddedSelector, type Digest, type Scheme, type Selector } from './scheme.ts'
export { sha1 } from './sha1.ts'
export {
  highestLevel,
  summarizeItems,
  summarizeJson,
  summarizeUrl,
  type FetchOptions,
  type ItemsOptions,
  type Summarizer,
} from './summarizer.ts'
export type { Changes, Summary } from './summary.ts'
export { textDeserializer, textSerializer } from './text.ts'
