import { displayName } from '../../bytes/name.ts'
import type { ApplyCounts } from '../../folder/apply/apply.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { idToHex } from '../../object/id.ts'
import type { Conflict } from '../../sync/merge/conflict.ts'
import type { Pulled } from '../../sync/pulled.ts'
import { sumOf, type Report } from '../../sync/report.ts'
import type { Synchronized } from '../../sync/synchronize.ts'
import type { Context } from '../context.ts'
import { formatCount, formatNumberOf, formatSize } from '../format.ts'
import { safeText } from '../safe-text.ts'

/** A session with one peer, as it is told. */
export interface Session {
  readonly peer: string
  readonly place: string
  /** What this side is called. */
  readonly own: string
  readonly result: Synchronized
  /** What the other side took in; undefined when it is far, and does not tell. */
  readonly taken: readonly Pulled[] | undefined
  /** Changes go one way only because this machine may change nothing there. */
  readonly mayOnlyRead?: boolean | undefined
  /** Bytes that came over the wire, and that went. */
  readonly traffic: { readonly received: number; readonly sent: number } | undefined
}

/** This side, and the other one as far as it tells. */
function sidesOf({ result, taken }: Session): readonly [Report, Report | undefined] {
  const { pulled, problems, there } = result
  return [{ counts: sumOf(pulled), problems, problemCount: problems.length }, there ?? ofTaken(taken)]
}

function ofTaken(taken: readonly Pulled[] | undefined): Report | undefined {
  const problems = taken?.at(-1)?.problems ?? []
  return taken && { counts: sumOf(taken), problems, problemCount: problems.length }
}

/** Whether everything is where it was to go. */
export function isWhole(session: Session): boolean {
  return session.result.done && sidesOf(session).every((side) => (side?.problemCount ?? 0) === 0)
}

/** For a person: a line a side, and what needs attention. `watching`: only what brought something. */
export async function tellSession(context: Context, session: Session, watching: boolean): Promise<void> {
  const [here, there] = sidesOf(session)
  const sides: [string, Report | undefined][] = [
    [session.own, here],
    [session.place, there],
  ]
  for (const conflict of conflictsOf(session)) await context.warn(textOfConflict(conflict))
  for (const [name, side] of sides) if (side) await tellProblems(context, name, side)
  if (context.json) {
    await context.printJson(sessionJson(session))
    return
  }
  for (const [name, side] of sides) {
    const what = side === undefined ? undefined : textOf(side.counts)
    if (watching && (what === undefined || what === nothing)) continue
    const traffic = name === session.place && session.traffic && textOfTraffic(session.traffic)
    const parts = [what, traffic].filter((part) => part !== undefined && part !== false)
    if (parts.length > 0) await context.tell(`${safeText(displayName(name))}: ${parts.join('; ')}`)
  }
  const { mine, theirs, done } = session.result
  if (watching && there === undefined && mine.id === theirs.id)
    await context.tell(`${safeText(session.place)}: in step, at snapshot ${shortId(mine.id)}`)
  if (session.mayOnlyRead === true && mine.id !== theirs.id)
    await context.warn(`${safeText(session.place)}: ${mayOnlyReadText}`)
  if (watching) return
  if (mine.id === theirs.id) {
    const but = isWhole(session) ? 'in step,' : 'not all of it is in step: both are'
    await context.note(`${but} at snapshot ${shortId(mine.id)}`)
  } else if (!done) await context.note('not in step: tidemark sync again goes on from here')
}

export const mayOnlyReadText = 'this machine may only read there: what was changed here stays here'

const nothing = 'nothing new'

function textOfTraffic({ received, sent }: NonNullable<Session['traffic']>): string {
  return `${formatSize(sent)} sent over the wire, ${formatSize(received)} received`
}

function textOf(counts: ApplyCounts): string {
  const { files, bytes, directories, specials, links, metadata, deleted } = counts
  const parts = [
    [files, `${formatNumberOf(files, 'file')} received (${formatSize(bytes)})`],
    [directories, `${formatNumberOf(directories, 'directory', 'directories')} made`],
    [
      specials + links,
      `${formatNumberOf(specials + links, 'link or special file', 'links and special files')} made`,
    ],
    [deleted, `${formatCount(deleted)} deleted`],
  ] as const
  const told = parts.filter(([number]) => number > 0).map(([, text]) => text)
  if (told.length > 0) return told.join(', ')
  // Of directories the time changes whenever something in them does.
  return metadata > 0 ? `${formatCount(metadata)} with new metadata only` : nothing
}

/** Both sides meet the same ones where both merge. */
export function conflictsOf({ result, taken = [] }: Session): Conflict[] {
  const all = [...result.pulled, ...taken].flatMap(({ conflicts }) => conflicts)
  return [...new Map(all.map((conflict) => [`${conflict.path}\0${conflict.copy ?? ''}`, conflict])).values()]
}

export function textOfConflict({ path, copy, winner, loser }: Conflict): string {
  const kept = `${displayName(path)}: changed on both sides; that of ${safeText(winner)} has kept the name`
  return copy === undefined ? kept : `${kept}, that of ${safeText(loser)} is ${displayName(copy)}`
}

/** A thousand warnings say no more than ten. */
const mostTold = 10

async function tellProblems(
  context: Context,
  name: string,
  { problems, problemCount }: Report,
): Promise<void> {
  const shown = context.options.verbose ? problems : problems.slice(0, mostTold)
  for (const { path, message } of shown)
    await context.warn(`${displayName(name)}: ${displayName(path)}: ${message}`)
  const rest = problemCount - shown.length
  if (rest > 0) await context.warn(`${displayName(name)}: ${formatNumberOf(rest, 'more problem')}`)
}

export function sessionJson(session: Session): object {
  const { peer, place, result } = session
  const { mine, theirs, done } = result
  const [received, sent] = sidesOf(session)
  const problems = [
    ...received.problems.map((problem) => ({ side: 'here', ...problem })),
    ...(sent?.problems ?? []).map((problem) => ({ side: 'there', ...problem })),
  ]
  return {
    peer,
    place,
    inStep: mine.id === theirs.id,
    done,
    head: idToHex(mine.id),
    theirHead: idToHex(theirs.id),
    here: countsJson(received.counts),
    there: sent === undefined ? null : countsJson(sent.counts),
    ...(session.traffic === undefined ? {} : { traffic: session.traffic }),
    conflicts: conflictsOf(session).map(({ path, copy, winner, loser }) => ({
      path,
      copy: copy ?? null,
      winner,
      loser,
    })),
    problems,
  }
}

function countsJson({ files, bytes, directories, specials, links, metadata, deleted }: ApplyCounts): object {
  return { files, bytes, directories, specials, links, metadata, deleted }
}
