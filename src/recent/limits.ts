/** What is read of one index file at most. Beyond it: a `limit` error. */
export interface ReadLimits {
  /** Bytes of one event. */
  readonly event: number
  /** Bytes of all that is not events. */
  readonly meta: number
  /** Events. */
  readonly events: number
  /** Bytes of a YAML document of a shape that must be read as a whole. */
  readonly whole: number
}

export const defaultLimits: ReadLimits = {
  event: 64 * 1024,
  meta: 256 * 1024,
  events: 50_000_000,
  whole: 32 * 1024 * 1024,
}
