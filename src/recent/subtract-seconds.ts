import type { Epoch } from './epoch.ts'

/** The epoch so many seconds before, with all its digits. */
export function subtractSeconds(epoch: Epoch, seconds: bigint): Epoch {
  const point = epoch.indexOf('.')
  const [whole, fraction] = point < 0 ? [epoch, ''] : [epoch.slice(0, point), epoch.slice(point + 1)]
  const unit = 10n ** BigInt(fraction.length)
  const digits = BigInt(whole + fraction) - seconds * unit
  const text = (digits < 0n ? -digits : digits).toString().padStart(fraction.length + 1, '0')
  const at = text.length - fraction.length
  return `${digits < 0n ? '-' : ''}${text.slice(0, at)}${point < 0 ? '' : `.${text.slice(at)}`}`
}
