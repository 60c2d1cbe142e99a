import { displayName } from '../bytes/name.ts'
import type { Finding } from '../history/finding.ts'
import { shortId } from '../history/name-snapshot.ts'
import { idToHex } from '../object/id.ts'
import type { Context } from './context.ts'
import { formatNumberOf } from './format.ts'
import { safeText } from './safe-text.ts'

const mostShown = 20

/** What is wrong, and which files of which snapshots it hits. */
export async function printFindings(context: Context, findings: readonly Finding[]): Promise<void> {
  const { out } = context
  for (const { harm, where, message, affected, affectedCount } of findings) {
    if (!harm && !context.options.verbose) continue
    const mark = harm ? out.style('red', 'damaged') : out.style('dim', 'untidy ')
    await context.print(`${mark}  ${safeText(where)}: ${safeText(message)}`)
    const shown = context.options.verbose ? affected : affected.slice(0, mostShown)
    for (const { snapshot, path, what } of shown) {
      const name = displayName(path === '' ? '.' : path) + (what === 'file' ? '' : '/')
      const part = what === 'entries' ? ' (some entries)' : ''
      await context.print(`         lost in ${shortId(snapshot)}: ${name}${part}`)
    }
    const rest = affectedCount - shown.length
    if (rest > 0) await context.print(`         and ${formatNumberOf(rest, 'more', 'more')}`)
  }
}

export function findingJson({ code, harm, where, message, affected, affectedCount }: Finding): object {
  return {
    code,
    harm,
    where,
    message,
    affected: affected.map(({ snapshot, path, what }) => ({ snapshot: idToHex(snapshot), path, what })),
    affectedCount,
  }
}
