/**
 * A moment as RECENT files write it: seconds since 1970 as a decimal number of any precision. Kept as text
 * for ever: two epochs may differ by less than a double can tell.
 */
export type Epoch = string

/** Longer ones are refused: no clock makes them, and a million of them would be a weapon. */
const longest = 512
const pattern = /^-?[0-9]+(?:\.[0-9]+)?$/

export function isEpoch(text: string): boolean {
  return text.length <= longest && pattern.test(text)
}

/**
 * Orders epochs by their value: negative, zero or positive. Leading zeros and zeros at the end of a fraction
 * count for nothing (`1`, `1.0` and `01.00` are equal).
 */
export function compareEpochs(a: Epoch, b: Epoch): number {
  if (a === b) return 0
  const [minusA, minusB] = [a.charCodeAt(0) === 45, b.charCodeAt(0) === 45]
  if (!minusA && !minusB) return compareSizes(a, b, 0, 0)
  if (minusA && minusB) return compareSizes(b, a, 1, 1)
  const order = compareSizes(a, b, minusA ? 1 : 0, minusB ? 1 : 0)
  if (order === 0 && isZero(a)) return 0
  return minusA ? -1 : 1
}

function isZero(epoch: Epoch): boolean {
  return !/[1-9]/.test(epoch)
}

/** Compares what stands from `i` and from `j` on, where there is no sign. */
function compareSizes(a: string, b: string, i: number, j: number): number {
  const [endA, endB] = [wholeEnd(a), wholeEnd(b)]
  while (i < endA - 1 && a.charCodeAt(i) === 48) i++
  while (j < endB - 1 && b.charCodeAt(j) === 48) j++
  if (endA - i !== endB - j) return endA - i - (endB - j)
  for (; i < endA; i++, j++) {
    const difference = a.charCodeAt(i) - b.charCodeAt(j)
    if (difference !== 0) return difference
  }
  for (i++, j++; i < a.length || j < b.length; i++, j++) {
    const difference = (i < a.length ? a.charCodeAt(i) : 48) - (j < b.length ? b.charCodeAt(j) : 48)
    if (difference !== 0) return difference
  }
  return 0
}

function wholeEnd(epoch: Epoch): number {
  const point = epoch.indexOf('.')
  return point < 0 ? epoch.length : point
}

export function maxEpoch(a: Epoch, b: Epoch): Epoch {
  return compareEpochs(a, b) < 0 ? b : a
}

export function minEpoch(a: Epoch, b: Epoch): Epoch {
  return compareEpochs(a, b) > 0 ? b : a
}

/** The epoch of a number of microseconds since 1970. */
export function epochOfMicroseconds(microseconds: bigint): Epoch {
  const text = (microseconds < 0n ? -microseconds : microseconds).toString().padStart(7, '0')
  const fraction = text.slice(-6).replace(/0+$/, '')
  const whole = `${microseconds < 0n ? '-' : ''}${text.slice(0, -6)}`
  return fraction === '' ? whole : `${whole}.${fraction}`
}
