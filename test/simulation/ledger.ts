import { directoryOf } from '../../src/tree/path.ts'
import { isDirectory, linesOf, type Sight } from './disk.ts'

/** What stood at each path. */
export type Sights = ReadonlyMap<string, Sight>

/** In the names of conflict copies. */
const conflictName = / \(conflict [^()]*\)/g

/** The path that a conflict copy, or what is in one, has lost. */
function originOf(path: string): string {
  return path.replaceAll(conflictName, '')
}

/**
 * What all users did, and what each saw when he did it: known from their disks alone, independent of any clock or
 * snapshot of what is tested. From it follows what must be there in the end.
 */
export class Ledger {
  #count = 0
  readonly #texts = new Set<string>()
  /** Texts that somebody has deleted or replaced who saw them. */
  readonly #ended = new Set<string>()
  /** What whoever acted last on a path, of all users, left there; and who. */
  readonly #last = new Map<string, { readonly sight: Sight | undefined; readonly host: string }>()
  /** Paths that were moved to one another, and everything else of one fate: sets, by their trees. */
  readonly #above = new Map<string, string>()
  /** Roots of the sets where somebody acted without knowing of another one. */
  readonly #contended = new Set<string>()
  /** Where users left a text. */
  readonly #places = new Map<string, Set<string>>()
  #isForgotten = false

  /** A line that there has never been. */
  newText(host: string): string {
    return `${host}.${++this.#count}`
  }

  /** A text is about to be written; each of its lines is a content of its own. */
  wrote(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.#texts.add(line)
  }

  /** Paths are about to be renamed. */
  moved(pairs: readonly (readonly [string, string])[]): void {
    for (const [from, to] of pairs.flatMap(
      ([from, to]) =>
        [
          [from, to],
          [originOf(from), originOf(to)],
        ] as const,
    )) {
      const [a, b] = [this.#rootOf(from), this.#rootOf(to)]
      if (a === b) continue
      this.#above.set(a, b)
      if (this.#contended.has(a)) this.#contended.add(b)
    }
  }

  /**
   * One thing done by a user: what he saw, and what there was then. While something is taken in, nobody knows
   * whether he saw what was before or what has just come: a conflict copy may come of it.
   */
  acted(host: string, before: Sights, after: Sights, isUncertain: boolean): void {
    const counts = (sights: Sights): Map<string, number> => {
      const counts = new Map<string, number>()
      for (const sight of sights.values()) {
        for (const line of linesOf(sight)) counts.set(line, (counts.get(line) ?? 0) + 1)
      }
      return counts
    }
    const [had, has] = [counts(before), counts(after)]
    for (const [text, count] of had) if ((has.get(text) ?? 0) < count) this.#ended.add(text)
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(path), after.get(path)]
      if (was === is) continue
      this.#changed(host, path, was, is, before)
      if (isUncertain) this.#contend(path)
    }
  }

  #changed(host: string, path: string, was: Sight | undefined, is: Sight | undefined, before: Sights): void {
    const last = this.#last.get(path)
    // Who sees nothing where something was deleted may never have seen it.
    const knows = last === undefined || (last.sight === was && (was !== undefined || last.host === host))
    if (!knows) this.#contend(path)
    if (is !== undefined) this.#checkAbove(path, before)
    if (isDirectory(was) && !isDirectory(is)) this.#checkBelow(path, before)
    this.#last.set(path, { sight: is, host })
    for (const line of linesOf(is)) {
      const places = this.#places.get(line) ?? new Set()
      this.#places.set(line, places.add(path))
    }
  }

  /** A directory that something is put into is used: somebody else may have taken it away. */
  #checkAbove(path: string, before: Sights): void {
    for (let at = directoryOf(path); at !== ''; at = directoryOf(at)) {
      const last = this.#last.get(at)
      if (last !== undefined && before.has(at) && isDirectory(last.sight)) continue
      if (last === undefined || last.sight === before.get(at)) continue
      this.#contend(at)
      this.#contend(path)
    }
  }

  /** What a directory holds that is taken away: somebody may have put something into it, or be at odds about it. */
  #checkBelow(path: string, before: Sights): void {
    for (const [below, { sight }] of this.#last) {
      if (!below.startsWith(`${path}/`)) continue
      if (sight !== undefined && before.get(below) !== sight) this.#contend(below)
      if (this.#contended.has(this.#rootOf(below))) this.#contend(path)
    }
  }

  /** What a user did is undone by no user: by a disk that was set back, for one. Nothing is known of it any more. */
  lost(paths: Iterable<string>, texts: Iterable<string>): void {
    for (const path of paths) this.#contend(path)
    for (const text of texts) this.#ended.add(text)
  }

  /** Somebody has forgotten what others may need to tell who has seen what: what was deleted may come back. */
  forgot(): void {
    this.#isForgotten = true
  }

  #contend(path: string): void {
    this.#contended.add(this.#rootOf(path))
  }

  #rootOf(path: string): string {
    let root = path
    for (let above = this.#above.get(root); above !== undefined; above = this.#above.get(root)) root = above
    return root
  }

  /** Whether at a path, or at one above it, somebody acted without knowing of another one. */
  #isContended(path: string): boolean {
    if (this.#isForgotten) return true
    for (let at = path; at !== ''; at = directoryOf(at)) {
      if (this.#contended.has(this.#rootOf(at)) || this.#contended.has(this.#rootOf(originOf(at))))
        return true
    }
    return false
  }

  /** What is wrong with this as the end of it all. */
  check(final: Sights): string[] {
    const wrong: string[] = []
    const present = new Set([...final.values()].flatMap((sight) => linesOf(sight)))
    for (const text of this.#texts)
      if (!this.#ended.has(text) && !present.has(text))
        wrong.push(`${text} is lost: nobody deleted or replaced it`)
    for (const [path, { sight }] of this.#last) {
      if (this.#isContended(path)) continue
      const found = final.get(path)
      if (found !== sight) wrong.push(`${path} is ${found ?? 'gone'}, but was last left ${sight ?? 'gone'}`)
    }
    for (const [path, sight] of final) {
      const lines = linesOf(sight)
      if (lines.length === 0) continue
      for (const line of lines)
        if (!this.#texts.has(line)) wrong.push(`${path} holds ${line}, which nobody wrote`)
      const places = [path, ...lines.flatMap((line) => [...(this.#places.get(line) ?? [])])]
      const disputed = places.some((place) => this.#isContended(place))
      if (originOf(path) !== path && !disputed) wrong.push(`${path} is a conflict copy without a conflict`)
      else if (!this.#last.has(path) && !disputed) wrong.push(`${path} appeared: nobody put it there`)
    }
    return wrong
  }
}
