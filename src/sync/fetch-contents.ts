import type { ArrivingBlocks } from '../folder/apply/arriving-blocks.ts'
import type { Neighbour } from '../folder/apply/thread-sources.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { nearOf, type Store } from '../store/store.ts'
import { ArrivingStore } from './arriving-store.ts'
import { changedContents } from './changed-contents.ts'
import { keepContents } from './keep-contents.ts'
import type { Head } from './head.ts'
import type { Peer } from './peer.ts'
import { PeerStore } from './peer-store.ts'
import type { PieceStore } from './pieces.ts'
import type { PullOptions } from './pulled.ts'
import type { Receipt } from './replica.ts'
import { fetchLists, wantedContents } from './wanted-contents.ts'

/** Where contents are read that are not here. Close it when done. */
export interface Contents {
  readonly source: Store
  readonly neighbour?: Neighbour | undefined
  readonly arriving?: ArrivingBlocks | undefined
  close(): void
}

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
): Promise<Contents> {
  const { signal } = options
  const changes = changedContents(receipt, from.snapshot.root, to.snapshot.root, { signal })
  if (!receipt.keepsContents) {
    const near = nearOf(receipt)
    const store: PieceStore = {
      get: (id, options) => near.get(id, options),
      has: (ids, options) => near.has(ids, options),
      putTree: (id, bytes) => receipt.putTree(id, bytes),
    }
    const others = new LayeredStore([near, new PeerStore(peer), new LastResort(receipt)])
    const neighbour = await peer.neighbour?.()
    if (neighbour !== undefined) {
      await fetchLists({ store, peer }, changes, { signal })
      return { source: others, neighbour, close: () => {} }
    }
    const stop = new AbortController()
    const both = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])])
    const search = { store: receipt, worth: receipt.searchWorth ?? 0 }
    const telling: PieceStore = {
      ...store,
      putTree: async (id, bytes) => {
        await store.putTree(id, bytes)
        arriving.came(id)
      },
    }
    const wants = wantedContents({ store: telling, peer, search }, changes, { signal })
    const arrivals =
      peer.fetchBlocks?.(wants, { blocks: 'opened', signal: both }) ?? peer.fetch(wants, { signal: both })
    const arriving = new ArrivingStore(arrivals, others, stop)
    return { source: arriving, arriving, close: () => arriving.close() }
  }
  await keepContents(receipt, peer, wantedContents({ store: receipt, peer }, changes, { signal }), options)
  return { source: new LayeredStore([receipt, new PeerStore(peer)]), close: () => {} }
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
