import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { missingChunk, type Store } from '../store/store.ts'
import type { Peer } from './peer.ts'
import { once } from './pieces.ts'

/** What a peer can give, a chunk at a time: for the few that were not foreseen. */
export class PeerStore implements Store {
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
  }

  async get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    for await (const arrivals of this.#peer.fetch(once([{ id }]), options)) {
      for (const { bytes } of arrivals) if (bytes !== undefined) return bytes
    }
    throw missingChunk(id, this.#peer.name)
  }

  /** It is asked for nothing: what it has shows when it is fetched. */
  async has(): Promise<Set<Id>> {
    return new Set()
  }
}
