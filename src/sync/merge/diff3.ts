/** What replaces the lines `start` to `end` (not included) of the base. */
interface Hunk {
  readonly start: number
  readonly end: number
  readonly lines: readonly string[]
}

/** Texts that are further apart than this many lines, added and removed, are not merged: the search is quadratic. */
const maxEdits = 2000

/** Nor are texts of more lines. */
const maxLines = 1_000_000

/**
 * Merges two texts that were made from one, line by line (Khanna, Kunal, Pierce: "A Formal Investigation of Diff3",
 * 2007). Undefined when both changed the same lines, or lines next to each other, in different ways, or so much was
 * changed that it is not looked for. The same whichever is called left. A line ends with its `\n`.
 */
export async function diff3(base: string, left: string, right: string): Promise<string | undefined> {
  const before = splitLines(base)
  const [ours, theirs] = [
    await findHunks(before, splitLines(left)),
    await findHunks(before, splitLines(right)),
  ]
  if (ours === undefined || theirs === undefined) return undefined
  const merged: string[] = []
  let [at, i, j] = [0, 0, 0]
  while (i < ours.length || j < theirs.length) {
    // A region grows while either side has a hunk that touches it.
    const start = Math.min(ours[i]?.start ?? Infinity, theirs[j]?.start ?? Infinity)
    const [fromI, fromJ] = [i, j]
    let end = start
    for (;;) {
      if (i < ours.length && ours[i]!.start <= end) end = Math.max(end, ours[i++]!.end)
      else if (j < theirs.length && theirs[j]!.start <= end) end = Math.max(end, theirs[j++]!.end)
      else break
    }
    const mine = apply(before, ours.slice(fromI, i), start, end)
    const other = apply(before, theirs.slice(fromJ, j), start, end)
    if (i > fromI && j > fromJ && mine !== other) return undefined
    merged.push(before.slice(at, start).join(''), i > fromI ? mine : other)
    at = end
  }
  merged.push(before.slice(at).join(''))
  return merged.join('')
}

function splitLines(text: string): string[] {
  return text.split(/(?<=\n)/).filter((line) => line !== '')
}

function apply(before: readonly string[], hunks: readonly Hunk[], start: number, end: number): string {
  const lines: string[] = []
  let at = start
  for (const hunk of hunks) {
    lines.push(...before.slice(at, hunk.start), ...hunk.lines)
    at = hunk.end
  }
  lines.push(...before.slice(at, end))
  return lines.join('')
}

/** In order; none touches another. */
async function findHunks(before: readonly string[], after: readonly string[]): Promise<Hunk[] | undefined> {
  const { diffArrays } = await import('diff')
  if (Math.max(before.length, after.length) > maxLines) return undefined
  // Numbers are compared at once, however long the lines.
  const numbers = new Map<string, number>()
  const number = (line: string): number => {
    const known = numbers.get(line) ?? numbers.size
    numbers.set(line, known)
    return known
  }
  const changes = diffArrays(before.map(number), after.map(number), { maxEditLength: maxEdits })
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- undefined beyond maxEditLength, which its types do not say
  if (changes === undefined) return undefined
  const hunks: Hunk[] = []
  let [old, now, start] = [0, 0, 0]
  let lines: string[] = []
  const close = (): void => {
    if (old > start || lines.length > 0) hunks.push({ start, end: old, lines })
    lines = []
  }
  for (const { added, removed, count } of changes) {
    if (removed) old += count
    else if (added) {
      lines.push(...after.slice(now, now + count))
      now += count
    } else {
      close()
      old += count
      now += count
      start = old
    }
  }
  close()
  return hunks
}
