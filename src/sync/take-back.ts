import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { mergeHeads } from './merge/merge-heads.ts'
import type { Peer } from './peer.ts'
import { PeerStore } from './peer-store.ts'
import type { Replica } from './replica.ts'

/**
 * Undoes what a replica has done of what it set out for and has no room for. Else it would stand in the way: fetched
 * again before anything smaller, and, where that is not to be had any more, told to others as if its user had made it.
 *
 * Seen from where it was to go, what was not done and what somebody has edited since are the changes: merged with
 * where it came from, only the rest goes back. Where that makes a conflict, nothing is undone.
 */
export async function takeBack(replica: Replica, peer: Peer, options: CallOptions = {}): Promise<void> {
  await replica.free?.(options)
  const head = await replica.capture(options)
  const pending = await replica.pending?.(options)
  if (pending === undefined) return
  if (head.id !== pending.from.id) {
    const receipt = await replica.receive(options)
    try {
      const source = new LayeredStore([receipt, new PeerStore(peer)])
      const { head: back, conflicts } = await mergeHeads(source, head, pending.from, [pending.to], {
        signal: options.signal,
        put: (id, bytes) => receipt.putTree(id, bytes),
        putContent: (id, bytes) => receipt.putContent(id, bytes),
      })
      if (conflicts.length > 0) return
      const { done } = await receipt.advance(head, back, source, options)
      if (!done) return
    } finally {
      await receipt.close()
    }
  }
  await replica.giveUp?.(pending, options)
}
