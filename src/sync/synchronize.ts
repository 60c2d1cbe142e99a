import { compareClocks } from '../object/clock.ts'
import type { Problem } from '../folder/apply/problem.ts'
import type { Head } from './head.ts'
import type { Mode } from './mode.ts'
import type { Peer } from './peer.ts'
import { PeerStore } from './peer-store.ts'
import { pull } from './pull.ts'
import type { Pulled, PullOptions } from './pulled.ts'
import { placed } from './base.ts'
import type { Replica } from './replica.ts'
import { problemsOf, type Report } from './report.ts'
import { settle } from './settle.ts'

export interface SynchronizeOptions extends Omit<PullOptions, 'mine' | 'theirs'> {
  readonly mode?: Mode | undefined
}

export interface Synchronized {
  readonly mine: Head
  readonly theirs: Head
  /** Everything has arrived where it was to go. */
  readonly done: boolean
  /** What this side took in, one for each time. */
  readonly pulled: readonly Pulled[]
  /** What is not here as it is to be, or could not be read. */
  readonly problems: readonly Problem[]
  /** How it stands on the other side; undefined when that does not tell. */
  readonly there: Report | undefined
}

/** Two sides that keep changing are followed so often. */
const maxRounds = 8

/**
 * Brings two replicas in step: takes in what the peer has, and asks it to take in the result. When both have the
 * same snapshot already that is two looks at files and one message each way.
 */
export async function synchronize(
  replica: Replica,
  peer: Peer,
  options: SynchronizeOptions = {},
): Promise<Synchronized> {
  const { mode = 'two-way', ...rest } = options
  const pulled: Pulled[] = []
  let [{ head: mine }, theirs] = await Promise.all([settle(replica, peer, rest), peer.head(rest)])
  for (let round = 1; round <= maxRounds; round++) {
    const before = [mine.id, theirs.id]
    if (mode !== 'send') {
      const taken = await pull(replica, peer, { ...rest, mine, theirs })
      if (taken.relation !== 'none') pulled.push(taken)
      mine = taken.head
    }
    if (mode !== 'receive' && mine.id !== theirs.id) theirs = await peer.offer(mine, rest)
    const isStill = mine.id === before[0] && theirs.id === before[1]
    if (mine.id === theirs.id || isStill || mode !== 'two-way') break
  }
  const filled = mode === 'send' ? undefined : await replica.fill?.(new PeerStore(peer), rest)
  if (filled !== undefined) {
    const problems = problemsOf(replica, pulled.at(-1))
    const done = problems.length === 0
    pulled.push({
      relation: 'none',
      head: mine,
      theirs,
      done,
      conflicts: [],
      counts: filled.counts,
      problems,
    })
  }
  if (mine.id === theirs.id && peer.device !== undefined) await replica.noteCommon?.(peer.device, mine)
  const problems = problemsOf(replica, pulled.at(-1))
  const there = await peer.report?.(rest)
  return { mine, theirs, done: isInStep(mine, theirs, mode), pulled, problems, there }
}

function isInStep(mine: Head, theirs: Head, mode: Mode): boolean {
  if (mine.id === theirs.id) return true
  const order = compareClocks(placed(mine), placed(theirs))
  return (mode === 'send' && order === 'before') || (mode === 'receive' && order === 'after')
}
