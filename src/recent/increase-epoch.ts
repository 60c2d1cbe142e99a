import { TidemarkError } from '../errors.ts'
import { compareEpochs, minEpoch, type Epoch } from './epoch.ts'

/**
 * An epoch a bit greater than `epoch`, and less than `below` where that is given: what is used when the clock
 * stands still or goes back, and when two events of the past meet. It is the middle between the epoch and the
 * next double (or `below`, or the next whole second if that comes first): as a double where that serves, else
 * exactly, in as few digits as will do. The Perl program's results, but for leading zeros.
 */
export function increaseEpoch(epoch: Epoch, below?: Epoch): Epoch {
  if (below !== undefined && compareEpochs(below, epoch) <= 0)
    throw new TidemarkError('usage', `no epoch lies between ${epoch} and ${below}`)
  const bound = boundAbove(epoch, below)
  const middle = (Number(epoch) + Number(bound)) / 2
  if (Math.abs(middle) > leastDouble && Number.isFinite(middle)) {
    const exact = printDouble(middle)
    if (compareEpochs(epoch, exact) < 0 && compareEpochs(exact, bound) < 0) return exact
  }
  return shortestAbove(epoch, bound)
}

/** Below it the decimals of a double become very many. */
const leastDouble = 1e-5

function boundAbove(epoch: Epoch, below: Epoch | undefined): Epoch {
  const value = Number(epoch)
  const whole = nextWhole(epoch)
  if (below !== undefined) return minEpoch(below, whole)
  const next =
    Math.abs(value) > leastDouble && Math.abs(value) < 2 ** 62 ? printDouble(doubleAbove(value)) : whole
  return minEpoch(next, whole)
}

function nextWhole(epoch: Epoch): Epoch {
  const { digits, scale } = decimalOf(epoch)
  const unit = 10n ** BigInt(scale)
  const floor = digits >= 0n || digits % unit === 0n ? digits / unit : digits / unit - 1n
  return `${floor + 1n}`
}

/** digits × 10^−scale. */
interface Decimal {
  readonly digits: bigint
  readonly scale: number
}

function decimalOf(epoch: Epoch): Decimal {
  const point = epoch.indexOf('.')
  if (point < 0) return { digits: BigInt(epoch), scale: 0 }
  return { digits: BigInt(epoch.slice(0, point) + epoch.slice(point + 1)), scale: epoch.length - point - 1 }
}

function print(digits: bigint, scale: number): Epoch {
  const sign = digits < 0n ? '-' : ''
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0')
  const at = text.length - scale
  return scale === 0 ? sign + text : `${sign}${text.slice(0, at)}.${text.slice(at)}`
}

/** The middle between two epochs, cut to the fewest digits that leave it above the first. */
function shortestAbove(epoch: Epoch, bound: Epoch): Epoch {
  const [low, high] = [decimalOf(epoch), decimalOf(bound)]
  const scale = Math.max(low.scale, high.scale)
  const sum = low.digits * 10n ** BigInt(scale - low.scale) + high.digits * 10n ** BigInt(scale - high.scale)
  const middle = sum * 5n
  for (let digits = 0; digits <= scale; digits++) {
    const unit = 10n ** BigInt(scale + 1 - digits)
    const cut = (middle - (((middle % unit) + unit) % unit)) / unit
    const candidate = print(cut, digits)
    if (compareEpochs(candidate, epoch) > 0) return candidate
  }
  return print(middle, scale + 1)
}

const float = new Float64Array(1)
const bits = new BigInt64Array(float.buffer)

function doubleAbove(value: number): number {
  float[0] = value
  bits[0] = bits[0]! + (value >= 0 ? 1n : -1n)
  return float[0]
}

/** All decimals of a double, which are finitely many. */
function printDouble(value: number): Epoch {
  float[0] = Math.abs(value)
  const exponent = Number(bits[0]! >> 52n) - 1075
  const mantissa = (bits[0]! & (2n ** 52n - 1n)) | (2n ** 52n)
  if (exponent >= 0) return `${value < 0 ? '-' : ''}${mantissa << BigInt(exponent)}`
  const exact = print(mantissa * 5n ** BigInt(-exponent), -exponent)
  return `${value < 0 ? '-' : ''}${exact.replace(/\.?0+$/, '')}`
}
