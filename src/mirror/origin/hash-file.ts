import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs'
import { createHash, hash } from 'node:crypto'
import { promisify } from 'node:util'
import { fromSystem, systemCode } from '../../errors.ts'
import { fileStat, type FileStat } from '../../folder/system/file-stat.ts'
import type { SystemPath } from '../../folder/system/paths.ts'

const readLater = promisify(read)

/** Up to this size a file is read in one go, which is quicker than letting others have their turn. */
const smallFile = 1 << 18
const small = new Uint8Array(smallFile)
const pieceSize = 1 << 20

/** A file's content, and what it was like before and after it was read. */
export interface HashedFile {
  /** SHA-256 in base64url. */
  readonly hash: string
  readonly stat: FileStat
}

/** `gone`: nothing is there, or something else than a file; `unstable`: it changed while it was read. */
export async function hashFile(path: SystemPath): Promise<HashedFile | 'gone' | 'unstable'> {
  const fd = open(path)
  if (fd === undefined) return 'gone'
  try {
    const before = statOf(fd)
    if (before.kind !== 'file') return 'gone'
    const { length, digest } = before.size < smallFile ? hashSmall(fd) : await hashLarge(fd)
    const stat = statOf(fd)
    const isSame = stat.mtimeNs === before.mtimeNs && stat.ctimeNs === before.ctimeNs && length === stat.size
    return isSame ? { hash: digest, stat } : 'unstable'
  } catch (error) {
    throw fromSystem(error, `read ${path.toString()}`)
  } finally {
    closeSync(fd)
  }
}

function open(path: SystemPath): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return undefined
    throw fromSystem(error, `open ${path.toString()}`)
  }
}

function statOf(fd: number): FileStat {
  return fileStat(fstatSync(fd, { bigint: true }))
}

interface Digest {
  readonly length: number
  readonly digest: string
}

function hashSmall(fd: number): Digest {
  let length = 0
  for (let more = -1; more !== 0 && length < smallFile; length += more) {
    more = readSync(fd, small, length, smallFile - length, length)
  }
  return { length, digest: hash('sha256', small.subarray(0, length), 'base64url') }
}

async function hashLarge(fd: number): Promise<Digest> {
  const digest = createHash('sha256')
  const buffer = new Uint8Array(pieceSize)
  let length = 0
  for (;;) {
    const { bytesRead } = await readLater(fd, buffer, 0, pieceSize, length)
    if (bytesRead === 0) return { length, digest: digest.digest('base64url') }
    digest.update(buffer.subarray(0, bytesRead))
    length += bytesRead
  }
}
