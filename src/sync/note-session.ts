import { readFolderStatus, StatusWriter } from './folder-status.ts'
import type { KeepEvent } from './keep-folder.ts'
import { readSyncSettings } from './sync-settings.ts'

/** What became of a session. */
export type SessionEvent = Extract<KeepEvent, { kind: 'synchronized' | 'failed' }>

/**
 * Notes in the folder at `root` what became of a session with the peer at `place` that nobody keeps up: what is noted of its
 * other peers stays. Nothing, while somebody keeps the folder in step, who notes what he sees. What cannot be noted is not.
 */
export async function noteSession(root: string, place: string, event: SessionEvent): Promise<void> {
  const before = await readFolderStatus(root).catch(() => undefined)
  if (before?.running === true) return
  const { peers } = await readSyncSettings(root).catch(() => ({ peers: [] }))
  const peer = peers.find((known) => known.place === place)
  if (peer === undefined) return
  const status = new StatusWriter(root, peers, { before: before?.peers })
  status.take({ ...event, peer: peer.name })
  await status.flush()
}
