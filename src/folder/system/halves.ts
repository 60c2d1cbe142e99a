/**
 * Times of the system (whole seconds, and nanoseconds beyond them) as 64 bits of nanoseconds in two halves,
 * without the bigints that would go between: each of them is an object for the collector.
 */

/** The low 32 bits, signed, for a time of which `secondsLow` are the low 32 bits of the seconds. */
export function lowHalf(secondsLow: number, nanoseconds: number): number {
  return (Math.imul(secondsLow, 1_000_000_000) + nanoseconds) | 0
}

/** The high 32 bits, signed; beyond that range where 64 bits cannot hold the time. `low` as {@link lowHalf} says. */
export function highHalf(secondsLow: number, secondsHigh: number, nanoseconds: number, low: number): number {
  // The product is rounded by less than 2^12, so what is left without the low half is near the high one.
  const total = (secondsHigh * 2 ** 32 + (secondsLow >>> 0)) * 1_000_000_000 + nanoseconds
  return Math.round((total - (low >>> 0)) / 2 ** 32)
}
