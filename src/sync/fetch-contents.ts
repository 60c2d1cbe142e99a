import { LayeredStore } from '../store/layered-store.ts'
import type { Store } from '../store/store.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { ArrivingStore } from './arriving-store.ts'
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
