import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../errors.ts'
import { crc32 } from '../hash/crc32.ts'
import { syncDirectory, syncFile } from '../store/durable.ts'
import type { StreamLayout } from './layout.ts'
import { namesIn, readIfThere } from './version-files.ts'
import { compareVersions, isVersionName, type VersionName } from './version-name.ts'

/**
 * A version that was reported, but whose names and whose diff need not be on the disk yet: only its text is, in a file of the
 * stream's directory that is removed when all of it is. The file's name tells the version, the length and the CRC-32 of
 * what is in it. `state` is the same of the diff; that file is another name of the one in `state/` and is forced with it.
 */
export interface PendingFile {
  readonly path: string
  readonly name: VersionName
  readonly kind: PendingKind
  readonly length: number
  readonly sum: string
}

type PendingKind = 'text' | 'state'

export const pendingPrefix = '.new-'
const pattern = /^\.new-(.+)\.(\d{1,10})-([0-9a-f]{8})\.(text|state)$/

/** Where what is pending of version `name` goes. */
export function pendingPath(
  layout: StreamLayout,
  name: VersionName,
  kind: PendingKind,
  bytes: Uint8Array,
): string {
  return join(layout.directory, `${pendingPrefix}${name}.${bytes.length}-${sumOf(bytes)}.${kind}`)
}

function sumOf(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0')
}

/** All that is pending, oldest first. It may have been written in part only: {@link isWhole}. */
export function pendingIn(layout: StreamLayout): PendingFile[] {
  const found: PendingFile[] = []
  for (const file of namesIn(layout.directory)) {
    const match = file.startsWith(pendingPrefix) ? pattern.exec(file) : null
    const [name, length, sum, kind] = match?.slice(1) ?? []
    if (name === undefined || !isVersionName(name)) continue
    found.push({
      path: join(layout.directory, file),
      name,
      kind: kind as PendingKind,
      length: Number(length),
      sum: sum!,
    })
  }
  return found.toSorted((a, b) => compareVersions(a.name, b.name))
}

/** Whether `bytes` are what the name of `file` says. */
export function isWhole(file: PendingFile, bytes: Uint8Array): boolean {
  return bytes.length === file.length && sumOf(bytes) === file.sum
}

/** The text of version `name` if it is pending and whole. */
export function readPendingText(layout: StreamLayout, name: VersionName): Buffer | undefined {
  for (const file of pendingIn(layout)) {
    if (file.kind !== 'text' || file.name !== name) continue
    const bytes = readIfThere(file.path)
    if (bytes !== undefined && isWhole(file, bytes)) return bytes
  }
  return undefined
}

/** Resolves when the diffs in `states` and the names of all versions survive a power cut. */
export async function forceVersions(layout: StreamLayout, states: Iterable<VersionName>): Promise<void> {
  // All at once: one commit of the file system serves them all.
  await Promise.all([
    ...Array.from(states, (name) => forceIfThere(join(layout.state, `${name}.txt`))),
    ...[layout.state, layout.latest, layout.directory].map(syncDirectory),
  ])
}

async function forceIfThere(path: string): Promise<void> {
  let file: number
  try {
    file = openSync(path, 'r+')
  } catch (error) {
    // In a pack meanwhile, which has been forced.
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  try {
    await syncFile(file)
  } finally {
    closeSync(file)
  }
}
