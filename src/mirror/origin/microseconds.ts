import type { Epoch } from '../../recent/index.ts'

/** Whole microseconds of an epoch, rounded down; at most what 64 bits hold. */
export function microsecondsOf(epoch: Epoch): bigint {
  const point = epoch.indexOf('.')
  const whole = point < 0 ? epoch : epoch.slice(0, point)
  const fraction = point < 0 ? '' : epoch.slice(point + 1, point + 7)
  const sign = epoch.startsWith('-') ? -1n : 1n
  const value = BigInt(whole) * 1_000_000n + sign * BigInt(fraction.padEnd(6, '0'))
  return value > most ? most : value < -most ? -most : value
}

const most = 2n ** 63n - 1n
