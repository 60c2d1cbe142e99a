import { displayName } from '../../bytes/name.ts'
import type { MirrorStatus } from '../../mirror/follow/status.ts'
import type { Context } from '../context.ts'
import { formatCount, formatDuration, formatNumberOf, formatSize, formatTime } from '../format.ts'
import { safeText } from '../safe-text.ts'

/** For programs. */
export function statusJson(status: MirrorStatus): object {
  const { completeAt, asides, ...rest } = status
  return {
    ...rest,
    completeAt: completeAt === undefined ? null : new Date(completeAt).toISOString(),
    asides: asides.map(({ due, ...aside }) => ({ ...aside, due: new Date(due).toISOString() })),
  }
}

const told: Readonly<Record<MirrorStatus['state'], string>> = {
  complete: 'complete: what the origin was when it was looked at last',
  partial: 'complete but for what is set aside',
  behind: 'behind: there is something left to be done',
  failing: 'failing: the origin cannot be followed',
  new: 'new: not complete yet',
}

/** For a person: a line for each thing there is to say. */
export async function printStatus(context: Context, status: MirrorStatus): Promise<void> {
  const { completeAt, lag, sequence, total } = status
  const lines: [string, string | undefined][] = [
    ['mirror', displayName(status.directory)],
    ['origin', safeText(status.source)],
    ['state', told[status.state]],
    ['error', status.error === undefined ? undefined : safeText(status.error)],
    [
      'complete',
      completeAt === undefined ? undefined : `${formatTime(completeAt)} (${formatDuration(lag ?? 0)} ago)`,
    ],
    ['newest', status.epoch === undefined ? undefined : formatTime(Number(status.epoch) * 1000)],
    [
      'head',
      sequence === undefined
        ? undefined
        : `number ${sequence}${status.key === undefined ? '' : `, signed by ${status.key}`}`,
    ],
    ['items', formatCount(status.items)],
    [
      'queue',
      `${formatNumberOf(status.wanted, 'content')} to fetch, ${formatNumberOf(status.deletes, 'delete')}`,
    ],
    [
      'fetched',
      `${formatNumberOf(total.files, 'file')}, ${formatSize(total.bytes)} in all; ${formatCount(total.deleted)} deleted`,
    ],
    ['set aside', status.aside === 0 ? undefined : formatNumberOf(status.aside, 'item')],
  ]
  for (const [label, text] of lines)
    if (text !== undefined) await context.print(`${label.padEnd(10)} ${text}`)
  for (const { path, reason, tries, due } of status.asides) {
    const when = `tried ${formatNumberOf(tries, 'time')}, again ${formatTime(due)}`
    await context.print(`  ${displayName(path)}: ${safeText(reason)} (${when})`)
  }
}
