import { displayName } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import type { Entry } from '../../object/entry.ts'
import type { ConflictCopy } from '../../sync/conflict-copies.ts'
import type { Context } from '../context.ts'
import { formatNumberOf, formatSize, formatTimeNs } from '../format.ts'
import { entryJson } from '../json.ts'

export async function printConflicts(context: Context, copies: readonly ConflictCopy[]): Promise<void> {
  let last: Name | undefined
  for (const copy of copies) {
    if (context.json) {
      await context.printJson(copyJson(copy))
      continue
    }
    if (copy.original !== last) {
      await context.print(context.out.style('bold', displayName(copy.original)))
      await context.print(`  kept  ${describe(copy.kept)}`)
    }
    last = copy.original
    const host = copy.host === '' ? '' : `  ${displayName(copy.host)}`
    await context.print(`  copy  ${describe(copy.entry)}${host}  ${displayName(copy.path)}`)
  }
  await context.out.flush()
  const many =
    copies.length === 0 ? 'no conflicts' : formatNumberOf(copies.length, 'conflict copy', 'conflict copies')
  await context.note(
    copies.length === 0 ? many : `${many} (tidemark conflicts resolve PATH --keep original|copy|both)`,
  )
}

function describe(entry: Entry): string {
  const size = entry.kind === 'file' ? formatSize(entry.size) : entry.kind
  return `${formatTimeNs(entry.mtimeNs)}  ${size.padStart(9)}`
}

function copyJson({ path, entry, original, kept, host }: ConflictCopy): object {
  return { path, original, host, copy: entryJson(path, entry), kept: entryJson(original, kept) }
}
