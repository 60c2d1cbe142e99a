import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs'
import { fromSystem } from '../../errors.ts'
import { temporaryNames } from '../../folder/apply/temporary-name.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { nameOfHead, nameOfPrincipalLink } from '../../recent/index.ts'
import type { OriginReader } from './read-origin.ts'

/**
 * Puts the copy of an index that waits in its place, where mirrors of this mirror see it: to be called when
 * everything it names is there. Nothing is done when none waits. `isDurable`: its content is on the disk already.
 */
export function publishIndex(
  root: DirectoryHandle,
  reader: OriginReader,
  tier: number,
  isDurable: boolean,
): void {
  const copy = reader.copies.at(tier)
  if (copy === undefined) return
  const { mtime } = copy
  unhide(root, reader.copies.waiting(copy.name), copy.name, {
    mtime: mtime === undefined ? undefined : Number(BigInt(mtime)) / 1e9,
    isDurable,
  })
  if (tier === 0) pointAtPrincipal(root, nameOfPrincipalLink(reader.root), copy.name)
}

/** The head comes last: it tells of all indexes. Where the origin has none, an old one here would be a lie. */
export function publishHead(root: DirectoryHandle, reader: OriginReader, isDurable: boolean): void {
  const name = nameOfHead(reader.root)
  if (reader.hasHead) unhide(root, reader.copies.waiting(name), name, { isDurable })
  else if (root.stat(name) !== undefined) unlinkSync(root.path(name))
}

/** Puts a file that waits in its place, if it does. */
export function unhide(
  root: DirectoryHandle,
  from: string,
  name: string,
  { mtime, isDurable }: { readonly mtime?: number | undefined; readonly isDurable: boolean },
): void {
  if (!existsSync(from)) return
  try {
    chmodSync(from, 0o644)
    if (mtime !== undefined) utimesSync(from, mtime, mtime)
    if (!isDurable) syncContent(from)
    renameSync(from, root.path(name))
  } catch (error) {
    throw fromSystem(error, `publish ${name}`)
  }
}

function syncContent(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** `RECENT.recent`: by which old mirrors find the principal. */
function pointAtPrincipal(root: DirectoryHandle, link: string, principal: string): void {
  try {
    const stat = root.stat(link)
    if (stat?.kind === 'symlink' && readlinkSync(root.path(link)) === principal) return
    const beside = temporaryNames()()
    symlinkSync(principal, root.path(beside))
    renameSync(root.path(beside), root.path(link))
  } catch (error) {
    throw fromSystem(error, `publish ${link}`)
  }
}
