import { isTidemarkError } from '../../errors.ts'
import { nothingDone } from '../../folder/apply/apply.ts'
import type { OpenCopy } from '../../sync/link.ts'
import { noteSession } from '../../sync/note-session.ts'
import type { Pulled, PullProgress } from '../../sync/pulled.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import { synchronize } from '../../sync/synchronize.ts'
import type { Synchronized } from '../../sync/synchronize.ts'
import type { Context } from '../context.ts'
import { exitCodes, exitOf } from '../exit-codes.ts'
import type { Exit } from '../exit-codes.ts'
import { isWhole, tellSession } from './session-report.ts'
import type { Session } from './session-report.ts'
import { goTo } from './work.ts'
import type { Work } from './work.ts'

/** Goes to each peer, and again to those that do not have yet what a later one had. */
export async function syncOnce(context: Context, copy: OpenCopy, work: Work): Promise<Exit | undefined> {
  const { peers } = work.parties
  const behind = new Map<KnownPeer, Synchronized | undefined>(peers.map((peer) => [peer, undefined]))
  let exit: Exit | undefined
  for (let round = 0; round < 2 && behind.size > 0; round++) {
    let newest
    for (const peer of behind.keys()) {
      try {
        const { result, whole } = await syncWith(context, copy, peer, work)
        newest = result.mine
        behind.set(peer, result)
        if (!whole) exit = worst(exit, 'partial')
      } catch (error) {
        behind.delete(peer)
        if (isTidemarkError(error) && !isTidemarkError(error, 'cancelled'))
          await noteSession(copy.folder.root, peer.place, {
            kind: 'failed',
            peer: peer.name,
            error,
            waitMs: 0,
          })
        if (peers.length === 1 || !isTidemarkError(error) || context.signal.aborted) throw error
        await context.warn(`${peer.name}: ${error.message}`)
        exit = worst(exit, exitOf(error))
      }
    }
    for (const [peer, result] of behind) if (result?.theirs.id === newest?.id) behind.delete(peer)
    if (peers.length === 1) break
  }
  return exit
}

function worst(one: Exit | undefined, other: Exit): Exit {
  return one === undefined || exitCodes[other] > exitCodes[one] ? other : one
}

const phases = { contents: 'fetching', files: 'writing' } as const

/** So that `status --sync` tells of it, also of the other side where that is on this machine. */
async function note({ peer, place, own, result, taken }: Session): Promise<void> {
  await noteSession(own, place, { kind: 'synchronized', peer, result })
  if (taken === undefined) return
  const { mine, theirs, problems, there } = result
  const turned = {
    ...result,
    mine: theirs,
    theirs: mine,
    pulled: taken,
    problems: there?.problems ?? [],
    there: { counts: nothingDone(), problems, problemCount: problems.length },
  }
  await noteSession(place, own, { kind: 'synchronized', peer, result: turned })
}

async function syncWith(
  context: Context,
  copy: OpenCopy,
  peer: KnownPeer,
  work: Work,
): Promise<{ result: Synchronized; whole: boolean }> {
  const progress = context.progress()
  const taken: Pulled[] = []
  const { guard, signal } = work
  const link = await goTo(copy, peer, work, (pulled) => taken.push(pulled))
  try {
    const onProgress = ({ phase, files, bytes }: PullProgress): void =>
      progress.update({ phase: phases[phase], files, bytes })
    const { mode, mayOnlyRead, traffic } = link
    const result = await synchronize(copy.replica, link.peer, { mode, guard, signal, onProgress })
    progress.clear()
    const session = {
      peer: peer.name,
      place: peer.place,
      own: copy.folder.root,
      result,
      taken: traffic === undefined ? taken : undefined,
      mayOnlyRead,
      traffic: traffic?.(),
    }
    await tellSession(context, session, false)
    await note(session)
    return { result, whole: isWhole(session) }
  } finally {
    progress.clear()
    await link.close()
  }
}
