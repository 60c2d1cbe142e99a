import { TidemarkError } from '../errors.ts'
import { cellsFor, general, maxCells, sketchKey, type Ids, type Profile } from '../reconcile/index.ts'
import { leadsTo, none, type Difference } from './difference.ts'
import type { LocalSet } from './local-set.ts'
import { defaultMaxBytes, pull, type PullOptions } from './pull.ts'
import type { RemoteSet } from './remote-set.ts'
import type { Comparison } from './wire.ts'

export interface CompareOptions extends PullOptions {
  /** How many differences to expect. Ten when left out; a wrong guess costs a round. */
  readonly expected?: number
}

/**
 * The other way round: sends a sketch of `local` and lets the remote side decode it. For small differences that is
 * all in one round trip, small items included. What does not come out of it is left to `pull`.
 */
export async function compare(
  local: LocalSet,
  remote: RemoteSet,
  options: CompareOptions = {},
): Promise<Difference> {
  const { expected = 10, profile = general, maxBytes = defaultMaxBytes } = options
  const salt = sketchKey(crypto.getRandomValues(new Uint8Array(16)))
  let size = cellsFor(expected, profile)
  for (let round = 0; round < rounds; round++) {
    const answer = await remote.compare(await local.sketch({ salt, size, profile }), maxBytes)
    if (answer.kind === 'equal') return none(local.root, remote.cost)
    if (answer.kind === 'difference') {
      return (await believe(local, remote, salt, answer, options)) ?? (await pull(local, remote, options))
    }
    if (!worthSending(answer.cells, local, profile)) break
    size = answer.cells
  }
  return await pull(local, remote, options)
}

/** How many sketches are sent; each larger one holds all of the one before. */
const rounds = 4

/** Another sketch is sent while it is smaller than the list of the ids. */
function worthSending(cells: number, local: LocalSet, profile: Profile): boolean {
  return cells <= Math.min(maxCells, cellsFor(local.root.count / 2, profile))
}

async function believe(
  local: LocalSet,
  remote: RemoteSet,
  key: ReturnType<typeof sketchKey>,
  answer: Extract<Comparison, { kind: 'difference' }>,
  options: CompareOptions,
): Promise<Difference | undefined> {
  const { root, added: addedIds } = answer
  const { added: unknown, removed } = await local.resolve(key, answer.removed)
  if (unknown.length > 0) return undefined
  const added = await complete(remote, key.salt, answer, options.maxBytes ?? defaultMaxBytes)
  if (!leadsTo(local, root, removed, added, options.digest)) return undefined
  return { addedIds, added, removed, way: 'sketch', proven: true, root, key, cost: remote.cost }
}

/** Fetches the items that were too large to come along. */
async function complete(
  remote: RemoteSet,
  salt: Uint8Array,
  answer: { added: Ids; items: (Uint8Array | undefined)[] },
  limit: number,
): Promise<Uint8Array[]> {
  const missing: number[] = []
  answer.items.forEach((item, at) => {
    if (item === undefined) missing.push(answer.added[2 * at]!, answer.added[2 * at + 1]!)
  })
  if (missing.length === 0) return answer.items as Uint8Array[]
  const fetched = await remote.items(salt, Int32Array.from(missing), limit)
  let next = 0
  return answer.items.map((item) => {
    const bytes = item ?? fetched[next++]
    if (bytes !== undefined) return bytes
    throw new TidemarkError('conflict', 'The remote set changed during reconciliation')
  })
}
