import { readFolderStatus } from '../../sync/folder-status.ts'
import type { FolderStatus, PeerStatus } from '../../sync/folder-status.ts'
import { readSyncSettings } from '../../sync/sync-settings.ts'
import type { Context } from '../context.ts'
import type { Exit } from '../exit-codes.ts'
import { formatDuration, formatNumberOf, formatTime } from '../format.ts'
import { isoTime } from '../json.ts'
import { safeText } from '../safe-text.ts'
import { alignTable } from '../table.ts'

/** What is noted of a folder: of the peers it has now, whether met or not, and of those of whoever keeps it. */
async function statusOf(root: string): Promise<{ status: FolderStatus | undefined; peers: PeerStatus[] }> {
  const { peers: known } = await readSyncSettings(root)
  const status = await readFolderStatus(root)
  const noted = status?.peers ?? []
  const places = new Set(noted.map(({ place }) => place))
  const none = { state: 'new', inStepAt: undefined, metAt: undefined, problems: 0, error: undefined } as const
  const others = known.filter(({ place }) => !places.has(place))
  return { status, peers: [...noted, ...others.map(({ name, place }) => ({ name, place, ...none }))] }
}

/** `negative` when it is not in step with some peer, or nobody keeps it so. */
export async function printSyncStatus(context: Context, root: string): Promise<Exit | undefined> {
  const { status, peers } = await statusOf(root)
  if (context.json) {
    await context.printJson({
      running: status?.running ?? false,
      since: status === undefined ? null : isoTime(status.since),
      error: status?.error ?? null,
      peers: peers.map(({ inStepAt, metAt, error, ...peer }) => ({
        ...peer,
        inStepAt: inStepAt === undefined ? null : isoTime(inStepAt),
        metAt: metAt === undefined ? null : isoTime(metAt),
        error: error ?? null,
      })),
    })
  } else for (const line of linesOf(context, status, peers)) await context.print(line)
  const isInStep = peers.length > 0 && peers.every(({ state }) => state === 'in-step')
  return isInStep && status?.running === true && status.error === undefined ? undefined : 'negative'
}

/** The same beside something else; nothing for a folder that has no peers. */
export async function noteSyncStatus(context: Context, root: string): Promise<void> {
  const { status, peers } = await statusOf(root)
  if (peers.length === 0) return
  for (const line of linesOf(context, status, peers)) await context.note(line)
}

function linesOf(context: Context, status: FolderStatus | undefined, peers: readonly PeerStatus[]): string[] {
  if (peers.length === 0) return ['no peers (tidemark peer add NAME PLACE)']
  const now = context.now().getTime()
  const keeping =
    status?.running === true
      ? `kept in step since ${formatTime(status.since)}`
      : 'nobody keeps it in step just now (tidemark sync --watch, tidemark up)'
  const rows = peers.map(({ name, place, state, inStepAt, problems }) => {
    const ago = inStepAt === undefined ? '' : `${formatDuration(Math.max(0, now - inStepAt))} ago`
    const remark = problems > 0 ? formatNumberOf(problems, 'problem') : ''
    return [name, states[state], inStepAt === undefined ? 'never yet' : ago, remark, safeText(place)]
  })
  const errors = peers.flatMap(({ name, error }) =>
    error === undefined ? [] : [`${name}: ${safeText(error)}`],
  )
  const own = status?.error === undefined ? [] : [safeText(status.error)]
  return [keeping, ...alignTable(rows), ...own, ...errors]
}

const states: Readonly<Record<PeerStatus['state'], string>> = {
  'in-step': 'in step',
  behind: 'behind',
  failing: 'failing',
  new: 'not met',
}
