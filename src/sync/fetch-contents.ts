import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { nearOf, type Store } from '../store/store.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { ArrivingStore } from './arriving-store.ts'
import { keepContents } from './keep-contents.ts'
import type { Head } from './head.ts'
import type { Peer } from './peer.ts'
import { PeerStore } from './peer-store.ts'
import type { PieceStore } from './pieces.ts'
import type { PullOptions } from './pulled.ts'
import type { Receipt } from './replica.ts'
import { wantedContents } from './wanted-contents.ts'

/**
 * Brings what contents are missing here, if contents are kept; else sets out to, as they are asked for. Resolves
 * with where to read them.
 */
export async function fetchContents(
  receipt: Receipt,
  peer: Peer,
  from: Head,
  to: Head,
  options: PullOptions,
): Promise<Store> {
  const { signal } = options
  const changes = compareTrees(receipt, from.snapshot.root, to.snapshot.root, {
    signal,
    enter: ({ after }) => after?.kind === 'directory',
  })
  if (!receipt.keepsContents) {
    const near = nearOf(receipt)
    const store: PieceStore = {
      get: (id, options) => near.get(id, options),
      has: (ids, options) => near.has(ids, options),
      putTree: async (id, bytes) => {
        await receipt.putTree(id, bytes)
        arriving.came(id)
      },
    }
    const stop = new AbortController()
    const both = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])])
    const search = { store: receipt, worth: receipt.searchWorth ?? 0 }
    const wants = wantedContents({ store, peer, search }, changes, { signal })
    const arrivals =
      peer.fetchBlocks?.(wants, { blocks: 'opened', signal: both }) ?? peer.fetch(wants, { signal: both })
    const others = new LayeredStore([near, new PeerStore(peer), new LastResort(receipt)])
    const arriving = new ArrivingStore(arrivals, others, stop)
    return arriving
  }
  await keepContents(receipt, peer, wantedContents({ store: receipt, peer }, changes, { signal }), options)
  return new LayeredStore([receipt, new PeerStore(peer)])
}

/** Gives what is asked for after all else has failed; what it has shows then. */
class LastResort implements Store {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    return this.#store.get(id, options)
  }

  async has(): Promise<Set<Id>> {
    return new Set()
  }
}
