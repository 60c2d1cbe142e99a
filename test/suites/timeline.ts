import type { DirectoryEntry } from '../../src/object/entry.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import { encodeSnapshot, type Snapshot } from '../../src/object/snapshot.ts'
import type { LoggedSnapshot } from '../../src/history/log.ts'
import { directoryEntry } from './plant.ts'

export const folderId: string = '0123456789abcdef'.repeat(2)
export const deviceId: string = 'fedcba9876543210'.repeat(2)

/** A snapshot for a test: what is not given is some default. */
export function makeSnapshot(given: Partial<Snapshot> = {}): LoggedSnapshot {
  const snapshot: Snapshot = {
    folder: folderId,
    device: deviceId,
    host: 'host',
    path: '/folder',
    time: Date.UTC(2026, 10, 20, 12),
    parents: [],
    clock: [],
    root: directoryEntry('', []),
    message: '',
    tags: [],
    unreadable: 0,
    unstable: 0,
    program: 'tidemark test',
    contents: true,
    ...given,
  }
  return { id: idOf(encodeSnapshot(snapshot)), snapshot }
}

/** Snapshots of these trees one after the other, an hour apart; oldest first. */
export function makeLine(roots: readonly DirectoryEntry[], given: Partial<Snapshot> = {}): LoggedSnapshot[] {
  const line: LoggedSnapshot[] = []
  for (const root of roots) {
    const parents: Id[] = line.length > 0 ? [line.at(-1)!.id] : []
    const time = Date.UTC(2026, 10, 20, line.length)
    line.push(makeSnapshot({ ...given, root, parents, time }))
  }
  return line
}
