import type { Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import type { FileStat } from '../../folder/system/file-stat.ts'
import { childPath, displayPath, readTarget } from '../../folder/system/paths.ts'
import { settlingNs, tick } from '../../folder/system/settling.ts'
import { printDetail } from '../../recent/index.ts'
import { hashFile } from './hash-file.ts'
import { stampOf } from './look.ts'
import type { Stamp } from './origin-state.ts'

/** What an entry is, and by what to tell later that it is still that. */
export interface ReadEntry {
  readonly detail: string
  readonly stamp: Stamp
}

/**
 * Reads the entry `path` of the tree at `root`, which `stat` was told of. `unstable` when it changed meanwhile;
 * throws when it cannot be read, `unsupported` for what is no content.
 */
export async function readEntry(
  root: string,
  path: Name,
  stat: FileStat,
): Promise<ReadEntry | 'gone' | 'unstable'> {
  const { kind, mode, mtimeNs } = stat
  const place = childPath(root, path)
  if (kind === 'directory') return { detail: printDetail({ kind, mode, mtimeNs }), stamp: stampOf(stat) }
  if (kind === 'symlink') {
    return { detail: printDetail({ kind, target: readTarget(place) }), stamp: stampOf(stat) }
  }
  if (kind !== 'file') throw new TidemarkError('unsupported', `${displayPath(place)} is a ${kind}`)
  const hashed = await hashFile(place)
  if (typeof hashed === 'string') return hashed
  const { hash, stat: read } = hashed
  const detail = printDetail({ kind, mode: read.mode, mtimeNs: read.mtimeNs, size: read.size, hash })
  // Who writes within the same tick of the clock leaves the times as they are.
  const isSettled = settlingNs(read, BigInt(Date.now()) * 1_000_000n, tick) === 0n
  return { detail, stamp: isSettled ? stampOf(read) : { ...stampOf(read), ctimeNs: 0n } }
}
