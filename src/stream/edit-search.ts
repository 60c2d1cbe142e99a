/**
 * Finds which lines of two sequences differ: Myers, "An O(ND) Difference Algorithm and Its Variations" (1986),
 * in its linear-space form, searching from both ends for a point on a shortest path and then on both sides of
 * it. Where there are several shortest paths, GNU diff's choice among them is made (furthest diagonal first,
 * forward before backward, insertion before deletion on a tie), since diffs are to be equal byte for byte.
 */

/** From this cost on a path that is not the shortest is accepted, as GNU diff does: time stays bounded. */
const leastGiveUp = 4096

interface Split {
  x: number
  y: number
  /** Whether the search before / behind the point must be for a shortest path again. */
  exactBefore: boolean
  exactBehind: boolean
}

/**
 * Calls `removed(i)` for each line of `a` and `added(j)` for each line of `b` that has no partner. Of how many lines it is known
 * that they are equal at the `head` and at the `tail` changes nothing but the time.
 */
export function searchEdits(
  a: Int32Array,
  b: Int32Array,
  removed: (i: number) => void,
  added: (j: number) => void,
  { head, tail }: { readonly head: number; readonly tail: number } = { head: 0, tail: 0 },
): void {
  if (head + tail === a.length && a.length === b.length) return
  const diagonals = a.length + b.length + 3
  let giveUp = 1
  for (let rest = diagonals; rest > 0; rest = Math.floor(rest / 4)) giveUp *= 2
  const search = new MiddleSearch(a, b, Math.max(leastGiveUp, giveUp))
  // An explicit stack, as the depth is bounded only by the texts once paths are given up early.
  const boxes: [number, number, number, number, boolean][] = [
    [head, a.length - tail, head, b.length - tail, false],
  ]
  for (let box = boxes.pop(); box !== undefined; box = boxes.pop()) {
    let [left, right, top, bottom] = box
    while (left < right && top < bottom && a[left] === b[top]) {
      left++
      top++
    }
    while (left < right && top < bottom && a[right - 1] === b[bottom - 1]) {
      right--
      bottom--
    }
    if (left === right) for (let j = top; j < bottom; j++) added(j)
    else if (top === bottom) for (let i = left; i < right; i++) removed(i)
    else {
      const split = search.find(left, right, top, bottom, box[4])
      boxes.push([split.x, right, split.y, bottom, split.exactBehind])
      boxes.push([left, split.x, top, split.y, split.exactBefore])
    }
  }
}

/** The two-ended search in a box of the edit graph. Its vectors are shared by all boxes. */
class MiddleSearch {
  readonly #a: Int32Array
  readonly #b: Int32Array
  readonly #giveUp: number
  /** Furthest x reached on diagonal d = x - y, forwards and backwards, at index d + offset. */
  readonly #forward: Int32Array
  readonly #backward: Int32Array
  readonly #offset: number

  constructor(a: Int32Array, b: Int32Array, giveUp: number) {
    this.#a = a
    this.#b = b
    this.#giveUp = giveUp
    this.#offset = b.length + 1
    this.#forward = new Int32Array(a.length + b.length + 3)
    this.#backward = new Int32Array(a.length + b.length + 3)
  }

  /** A point where the best path may be divided; `exact` forbids giving up. The box is not empty in x or y. */
  find(left: number, right: number, top: number, bottom: number, exact: boolean): Split {
    const a = this.#a
    const b = this.#b
    const forward = this.#forward
    const backward = this.#backward
    const offset = this.#offset
    const lowest = left - bottom
    const highest = right - top
    const forwardMiddle = left - top
    const backwardMiddle = right - bottom
    const odd = ((forwardMiddle - backwardMiddle) & 1) !== 0
    let forwardLow = forwardMiddle
    let forwardHigh = forwardMiddle
    let backwardLow = backwardMiddle
    let backwardHigh = backwardMiddle
    forward[offset + forwardMiddle] = left
    backward[offset + backwardMiddle] = right

    for (let cost = 1; ; cost++) {
      // One more step for every diagonal from the front; at the box's border the range shrinks instead.
      if (forwardLow > lowest) forward[offset + --forwardLow - 1] = -1
      else forwardLow++
      if (forwardHigh < highest) forward[offset + ++forwardHigh + 1] = -1
      else forwardHigh--
      for (let d = forwardHigh; d >= forwardLow; d -= 2) {
        const below = forward[offset + d - 1]!
        const above = forward[offset + d + 1]!
        let x = below < above ? above : below + 1
        let y = x - d
        while (x < right && y < bottom && a[x] === b[y]) {
          x++
          y++
        }
        forward[offset + d] = x
        if (odd && backwardLow <= d && d <= backwardHigh && backward[offset + d]! <= x) {
          return { x, y, exactBefore: true, exactBehind: true }
        }
      }

      if (backwardLow > lowest) backward[offset + --backwardLow - 1] = 0x7fffffff
      else backwardLow++
      if (backwardHigh < highest) backward[offset + ++backwardHigh + 1] = 0x7fffffff
      else backwardHigh--
      for (let d = backwardHigh; d >= backwardLow; d -= 2) {
        const below = backward[offset + d - 1]!
        const above = backward[offset + d + 1]!
        let x = below < above ? below : above - 1
        let y = x - d
        while (left < x && top < y && a[x - 1] === b[y - 1]) {
          x--
          y--
        }
        backward[offset + d] = x
        if (!odd && forwardLow <= d && d <= forwardHigh && x <= forward[offset + d]!) {
          return { x, y, exactBefore: true, exactBehind: true }
        }
      }

      if (!exact && cost >= this.#giveUp) {
        return this.#furthest(
          left,
          right,
          top,
          bottom,
          [forwardLow, forwardHigh],
          [backwardLow, backwardHigh],
        )
      }
    }
  }

  /** Gives up: the point, of all reached from either end, that is furthest along. */
  #furthest(
    left: number,
    right: number,
    top: number,
    bottom: number,
    forwardRange: readonly [number, number],
    backwardRange: readonly [number, number],
  ): Split {
    let forwardSum = -1
    let forwardX = 0
    for (let d = forwardRange[1]; d >= forwardRange[0]; d -= 2) {
      const x = Math.min(this.#forward[this.#offset + d]!, right, bottom + d)
      if (2 * x - d > forwardSum) {
        forwardSum = 2 * x - d
        forwardX = x
      }
    }
    let backwardSum = Number.MAX_SAFE_INTEGER
    let backwardX = 0
    for (let d = backwardRange[1]; d >= backwardRange[0]; d -= 2) {
      const x = Math.max(this.#backward[this.#offset + d]!, left, top + d)
      if (2 * x - d < backwardSum) {
        backwardSum = 2 * x - d
        backwardX = x
      }
    }
    if (right + bottom - backwardSum < forwardSum - (left + top)) {
      return { x: forwardX, y: forwardSum - forwardX, exactBefore: true, exactBehind: false }
    }
    return { x: backwardX, y: backwardSum - backwardX, exactBefore: false, exactBehind: true }
  }
}
