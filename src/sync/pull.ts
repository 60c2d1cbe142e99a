import { isTidemarkError } from '../errors.ts'
import { nothingDone, type ApplyCounts } from '../folder/apply/apply.ts'
import type { Problem } from '../folder/apply/problem.ts'
import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import type { Store } from '../store/store.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { ArrivingStore } from './arriving-store.ts'
import { lastOf } from './base.ts'
import { areStrangers, fetchStrangeTrees } from './fetch-strange-trees.ts'
import { fetchTrees } from './fetch-trees.ts'
import { checkVanishing, defaultGuard, type Guard } from './guard.ts'
import type { Head } from './head.ts'
import type { Conflict } from './merge/conflict.ts'
import { mergeHeads } from './merge/merge-heads.ts'
import type { Peer } from './peer.ts'
import { PeerStore } from './peer-store.ts'
import type { PieceStore } from './pieces.ts'
import { relate, type Relation } from './relation.ts'
import type { Receipt, Replica } from './replica.ts'
import { asFork, isSetBack } from './set-back.ts'
import { takeBack } from './take-back.ts'
import { wantedContents } from './wanted-contents.ts'

export interface PullOptions extends CallOptions {
  /** The newest snapshots of both, where they are known already. */
  readonly mine?: Head | undefined
  readonly theirs?: Head | undefined
  readonly guard?: Guard | undefined
  readonly onProgress?: ((progress: PullProgress) => void) | undefined
  /** Is told of everything that was taken in. */
  readonly onPulled?: ((pulled: Pulled) => void) | undefined
}

export interface PullProgress {
  readonly phase: 'trees' | 'contents' | 'files'
  /** Entries seen to, and bytes fetched or written, in this phase. */
  readonly files: number
  readonly bytes: number
}

export interface Pulled {
  /** What this side did, or tried to. */
  readonly relation: Relation
  /** Its newest snapshot now, and what the other side's was. */
  readonly head: Head
  readonly theirs: Head
  /** All of what the other side had is taken in. */
  readonly done: boolean
  readonly conflicts: readonly Conflict[]
  readonly counts: ApplyCounts
  readonly problems: readonly Problem[]
}

/** So often is planned again when files change while they are to be replaced. */
const maxAttempts = 5

/**
 * Takes in what a peer has: goes on to its newest snapshot, or to a merge of that and the own one. Only what is
 * not here is fetched. Files that somebody changes meanwhile are left alone, and planned again.
 *
 * Rejects `limit` when too much would vanish, with nothing done; `busy` when files keep changing; what the peer
 * and the replica reject. Whatever was done until then is whole: each path has its old or its new content.
 */
export async function pull(replica: Replica, peer: Peer, options: PullOptions = {}): Promise<Pulled> {
  let { mine } = options
  for (let attempt = 1; ; attempt++) {
    mine ??= (await settle(replica, peer, options)).head
    const theirs = options.theirs ?? (await peer.head(options))
    // Unless it has made what they know of it since it was asked.
    if (isSetBack(replica.device, mine, theirs)) mine = (await settle(replica, peer, options)).head
    try {
      const pulled = await takeIn(replica, peer, mine, theirs, options)
      const again = !pulled.done && isBusy(pulled)
      const settled = again ? await settle(replica, peer, options) : undefined
      const isDone = settled === undefined || relate(settled.head, theirs) === 'none'
      if (isDone || attempt === maxAttempts) {
        const all = settled === undefined ? pulled : together(pulled, settled, isDone)
        options.onPulled?.(all)
        return all
      }
      mine = settled.head
    } catch (error) {
      if (!isTidemarkError(error, 'conflict') || attempt === maxAttempts) throw error
      mine = undefined
    }
  }
}

/** Somebody was changing files, or putting some into a directory that is to go: it is worth another try. */
function isBusy({ problems }: Pick<Pulled, 'problems'>): boolean {
  return problems.some(({ code }) => code === 'conflict' || code === 'not-empty')
}

/** What was not done at once, and then was, or not. */
function together(pulled: Pulled, settled: Settled, done: boolean): Pulled {
  const conflicts = [...pulled.conflicts, ...settled.conflicts]
  return { ...pulled, head: settled.head, done, conflicts, problems: settled.problems }
}

export type Settled = Pick<Pulled, 'head' | 'conflicts' | 'problems'>

/** By replica: where it stands, and what it could not go on to from there. */
const stuck = new WeakMap<Replica, string>()

/**
 * Captures a replica, and brings to its end what it had begun to take in before it was stopped or met files that
 * somebody was changing. Until then its working files are in part what it took in, though its newest snapshot does
 * not come after that: told to others, it would look as if its user had made it, and what others do to it meanwhile
 * would be undone. `peer` is asked for what is not here.
 */
export async function settle(
  replica: Replica,
  peer: Peer,
  options: Pick<PullOptions, 'signal' | 'guard'> = {},
): Promise<Settled> {
  const conflicts: Conflict[] = []
  for (let attempt = 1; ; attempt++) {
    const head = await replica.capture(options)
    const pending = await replica.pending?.(options)
    const key = pending && head.id + pending.to.id
    // Where nothing of it was done, there is nothing to make good.
    if (pending === undefined || head.id === pending.from.id || stuck.get(replica) === key)
      return { head, conflicts, problems: [] }
    try {
      const taken = await takeIn(replica, peer, head, pending.to, options)
      conflicts.push(...taken.conflicts)
      const again = !taken.done && isBusy(taken) && taken.head.id !== head.id
      if (!taken.done && !again) stuck.set(replica, taken.head.id + pending.to.id)
      if (!again || attempt === maxAttempts) return { ...taken, conflicts }
    } catch (error) {
      // It was taken back: whoever has it tells of it again, or of something that fits.
      if (isTidemarkError(error, 'full'))
        return { head: await replica.capture(options), conflicts, problems: [] }
      // Without what it needs it is as good as forgotten.
      if (isTidemarkError(error, 'missing', 'limit')) return { head, conflicts, problems: [] }
      if (!isTidemarkError(error, 'conflict') || attempt === maxAttempts) throw error
    }
  }
}

async function takeIn(
  replica: Replica,
  peer: Peer,
  mine: Head,
  theirs: Head,
  options: PullOptions,
): Promise<Pulled> {
  const own = await standing(replica, peer, mine, theirs, options)
  const relation = relate(own, theirs)
  const nothing = { relation, head: mine, theirs, conflicts: [], counts: nothingDone(), problems: [] }
  if (relation === 'none') return { ...nothing, done: true }
  const receipt = await replica.receive(options)
  let source: Store | undefined
  let isFull = false
  try {
    const { to, conflicts } = await planned(receipt, replica, peer, own, theirs, relation, options)
    checkVanishing(mine, to, options.guard ?? defaultGuard, replica.host)
    source = await fetchContents(receipt, peer, mine, to, options)
    const { onProgress } = options
    const written = { files: 0, bytes: 0 }
    const onDone = (bytes: number): void => {
      written.files++
      written.bytes += bytes
      onProgress?.({ phase: 'files', ...written })
    }
    const { head, done, counts, problems } = await receipt.advance(mine, to, source, {
      signal: options.signal,
      onDone,
    })
    return { relation, head, theirs, done, conflicts, counts, problems }
  } catch (error) {
    isFull = isTidemarkError(error, 'full')
    throw error
  } finally {
    if (source instanceof ArrivingStore) source.close()
    await receipt.close()
    // As well as it can be done without room; the next one to settle tries again.
    if (isFull) await takeBack(replica, peer, { signal: options.signal }).catch(() => {})
  }
}

/** `mine`, or what has to be merged instead of it when the replica was set back and has gone on since. */
async function standing(
  replica: Replica,
  peer: Peer,
  mine: Head,
  theirs: Head,
  options: CallOptions,
): Promise<Head> {
  if (!isSetBack(replica.device, mine, theirs)) return mine
  const fork = await asFork(replica, mine, theirs)
  const bases = await commonBases(replica, peer, fork, theirs, options)
  return bases.some(({ id }) => id === mine.id) ? mine : fork
}

interface Target {
  readonly to: Head
  readonly conflicts: readonly Conflict[]
}

/** The snapshot to go on to. All its trees are here then. */
export async function planned(
  receipt: Receipt,
  replica: Replica,
  peer: Peer,
  mine: Head,
  theirs: Head,
  relation: Relation,
  options: CallOptions,
): Promise<Target> {
  const fetchAll = areStrangers(mine, theirs) ? fetchStrangeTrees : fetchTrees
  await fetchAll(receipt, peer, theirs.snapshot.root, mine.snapshot.root, options)
  if (relation === 'forward') return { to: theirs, conflicts: [] }
  const bases = await commonBases(replica, peer, mine, theirs, options)
  for (const { snapshot } of bases)
    await fetchTrees(receipt, peer, snapshot.root, mine.snapshot.root, options)
  const { head, conflicts } = await mergeHeads(
    new LayeredStore([receipt, new PeerStore(peer)]),
    mine,
    theirs,
    bases,
    {
      signal: options.signal,
      put: (id, bytes) => receipt.putTree(id, bytes),
      putContent: (id, bytes) => receipt.putContent(id, bytes),
      basesOf: (one, other) => commonBases(replica, peer, one, other, options),
    },
  )
  return { to: head, conflicts }
}

/** Of all that either side still has, so that both find the same. */
async function commonBases(
  replica: Replica,
  peer: Peer,
  mine: Head,
  theirs: Head,
  options: CallOptions,
): Promise<Head[]> {
  const [here, there] = await Promise.all([
    replica.bases(mine, theirs, options),
    peer.bases(mine, theirs, options),
  ])
  return lastOf([...here, ...there])
}

/**
 * Brings what contents are missing here, if contents are kept; else sets out to, as they are asked for. Resolves
 * with where to read them.
 */
async function fetchContents(
  receipt: Receipt,
  peer: Peer,
  from: Head,
  to: Head,
  options: PullOptions,
): Promise<Store> {
  const { signal, onProgress } = options
  const changes = compareTrees(receipt, from.snapshot.root, to.snapshot.root, {
    signal,
    enter: ({ after }) => after?.kind === 'directory',
  })
  const everything = new LayeredStore([receipt, new PeerStore(peer)])
  if (!receipt.keepsContents) {
    const store: PieceStore = {
      get: (id, options) => receipt.get(id, options),
      has: (ids, options) => receipt.has(ids, options),
      putTree: async (id, bytes) => {
        await receipt.putTree(id, bytes)
        arriving.came(id)
      },
    }
    const wants = wantedContents({ store, peer }, changes, { signal })
    const arriving = new ArrivingStore(peer, wants, everything, { signal })
    return arriving
  }
  const wants = wantedContents({ store: receipt, peer }, changes, { signal })
  const fetched = { files: 0, bytes: 0 }
  for await (const arrivals of peer.fetch(wants, { signal })) {
    for (const { id, bytes } of arrivals) {
      // What nobody has any more is missed when its file is to be written: the others go on.
      if (bytes === undefined) continue
      await receipt.putContent(id, bytes)
      fetched.files++
      fetched.bytes += bytes.length
    }
    onProgress?.({ phase: 'contents', ...fetched })
  }
  return everything
}
