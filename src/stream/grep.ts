import { diffChanges, linesWith } from './diff-changes.ts'
import type { VersionName } from './version-name.ts'
import type { Step } from './walk-versions.ts'

/** A line that matched, and the versions that have it: from `since` up to the one before `until`. */
export interface GrepMatch {
  readonly since: VersionName
  /** The first version without the line; undefined when the newest one has it. */
  readonly until: VersionName | undefined
  /** The line as UTF-8, without its newline. */
  readonly line: string
}

/**
 * Finds the lines that match `pattern` in all versions. Each line is looked at once when it comes and once when
 * it goes, not in every version. Matches are yielded when they end, those of the newest version last.
 */
export async function* grepVersions(steps: AsyncIterable<Step>, pattern: RegExp): AsyncGenerator<GrepMatch> {
  const standing = new Map<string, VersionName[]>()
  for await (const { name, diff } of steps) {
    const came: string[] = []
    const went: string[] = []
    for (const { body } of diffChanges(diff, name)) {
      went.push(...matching(linesWith('-', body), pattern))
      came.push(...matching(linesWith('+', body), pattern))
    }
    for (const line of came) {
      // A line that only moved, or got or lost the newline behind it, stays.
      const moved = went.indexOf(line)
      if (moved >= 0) went.splice(moved, 1)
      else append(standing, line, name)
    }
    for (const line of went) {
      const since = standing.get(line)?.shift()
      if (since !== undefined) yield { since, until: name, line }
    }
  }
  for (const [line, versions] of standing)
    for (const since of versions) yield { since, until: undefined, line }
}

function append(standing: Map<string, VersionName[]>, line: string, name: VersionName): void {
  const versions = standing.get(line)
  if (versions === undefined) standing.set(line, [name])
  else versions.push(name)
}

function matching(lines: readonly Buffer[], pattern: RegExp): string[] {
  return lines
    .map((line) => line.toString('utf8'))
    .filter((line) => {
      pattern.lastIndex = 0
      return pattern.test(line)
    })
}
