import { displayName } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import type { SnapshotReport } from '../history/snapshot.ts'
import { idToHex } from '../object/id.ts'
import type { Context } from './context.ts'
import { isoTime } from './json.ts'

/** The fields are described in docs/guide/json.md. */
export function reportJson(report: SnapshotReport): object {
  const { id, parent, snapshot, files, directories, bytes, read, stored, problems } = report
  return {
    id: id === undefined ? null : idToHex(id),
    parent: parent === undefined ? null : idToHex(parent),
    time: snapshot === undefined ? null : isoTime(snapshot.time),
    unchanged: id === undefined,
    entries: snapshot?.root.count ?? null,
    size: snapshot?.root.size ?? null,
    files,
    directories,
    bytes,
    read,
    stored,
    problems: problems.map(({ path, code, message }) => ({ path, code, message })),
  }
}

const mostShown = 20

/** What could not be kept, or given back; the first of many, unless --verbose. */
export async function warnOfProblems(
  context: Context,
  problems: readonly { readonly path: Name; readonly message: string }[],
  count: number = problems.length,
): Promise<void> {
  // The document has them.
  if (context.json) return
  const shown = context.options.verbose ? problems : problems.slice(0, mostShown)
  for (const { path, message } of shown) await context.warn(`${displayName(path)}: ${message}`)
  const rest = count - shown.length
  if (rest > 0) await context.warn(`and ${rest} more (--verbose shows more)`)
}
