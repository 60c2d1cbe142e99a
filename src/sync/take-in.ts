import { isTidemarkError } from '../errors.ts'
import { nothingDone } from '../folder/apply/apply.ts'
import type { CallOptions } from '../store/bucket.ts'
import { fetchContents, type Contents } from './fetch-contents.ts'
import { checkVanishing, defaultGuard } from './guard.ts'
import type { Head } from './head.ts'
import { keepNamed, keepParents } from './keep-parents.ts'
import type { Peer } from './peer.ts'
import type { Pulled, PullOptions } from './pulled.ts'
import { relate } from './relation.ts'
import type { Replica } from './replica.ts'
import { asFork, isSetBack } from './set-back.ts'
import { takeBack } from './take-back.ts'
import { commonBases, planned } from './target.ts'

/** One try of {@link pull} or {@link settle}: fetches what `theirs` or the merge with it needs, and goes on to that. */
export async function takeIn(
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
  let contents: Contents | undefined
  let isFull = false
  try {
    const { to, conflicts } = await planned(receipt, replica, peer, own, theirs, relation, options)
    checkVanishing(mine, to, options.guard ?? defaultGuard, replica.host)
    const { signal } = options
    await keepNamed(receipt, replica, peer, to, [theirs], { signal })
    contents = await fetchContents(receipt, peer, mine, to, options)
    const { source, neighbour, arriving } = contents
    const { onProgress } = options
    const written = { files: 0, bytes: 0 }
    const onDone = (bytes: number): void => {
      written.files++
      written.bytes += bytes
      onProgress?.({ phase: 'files', ...written })
    }
    const { head, done, counts, problems } = await receipt.advance(mine, to, source, {
      signal,
      onDone,
      neighbour,
      arriving,
    })
    if (done) await keepParents(receipt, replica, peer, to, { signal })
    return { relation, head, theirs, done, conflicts, counts, problems }
  } catch (error) {
    isFull = isTidemarkError(error, 'full')
    throw error
  } finally {
    contents?.close()
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
  if (!(await isSetBack(replica, mine, theirs))) return mine
  const fork = await asFork(replica, mine, theirs)
  const bases = await commonBases(replica, peer, fork, theirs, options)
  return bases.some(({ id }) => id === mine.id) ? mine : fork
}
