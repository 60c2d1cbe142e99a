import { createHash } from 'node:crypto'
import { closeSync, fchmodSync, fstatSync, readSync, unlinkSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { carrierOf } from '../../folder/apply/metadata.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import type { FileStat } from '../../folder/system/file-stat.ts'

/** Gives an open file its mode and time: nine permission bits, for what an origin says makes nobody another user. */
export function seal(fd: number, mode: number | undefined, mtimeNs: bigint | undefined): void {
  fchmodSync(fd, (mode ?? 0o644) & 0o777)
  if (mtimeNs !== undefined) carrierOf(fd).setTime(mtimeNs)
}

export function isOneFile(a: FileStat | undefined, b: FileStat | undefined): boolean {
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev
}

export function removeQuietly(directory: DirectoryHandle, name: Name): void {
  try {
    unlinkSync(directory.path(name))
  } catch {
    // It was never made.
  }
}

/** SHA-256 of an open file, which is closed. */
export function hashOf(fd: number): Uint8Array {
  try {
    const hash = createHash('sha256')
    const { size } = fstatSync(fd)
    const piece = Buffer.allocUnsafe(Math.min(1024 * 1024, Math.max(size, 1)))
    for (;;) {
      const length = readSync(fd, piece, 0, piece.length, null)
      if (length === 0) break
      hash.update(piece.subarray(0, length))
    }
    return hash.digest()
  } finally {
    closeSync(fd)
  }
}
