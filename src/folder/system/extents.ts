import { callFailed, libc, type Libc } from './libc.ts'

/** Bytes `start` to `end`, `end` not included. */
export interface Extent {
  readonly start: number
  readonly end: number
}

const [SEEK_DATA, SEEK_HOLE] = [3, 4]
const [ENXIO, EINVAL] = [6, 22]

/** Whether a file takes less room than its size: only then is it worth asking where its holes are. */
export function mayHaveHoles({ size, blocks }: { readonly size: number; readonly blocks: number }): boolean {
  return blocks * 512 < size
}

/**
 * Where the first `size` bytes of an open file have data, in order and apart from each other; all between
 * them reads as zeros. The file system may count zeros as data. One extent, of everything, where holes
 * cannot be asked for.
 *
 * The answer comes extent by extent, for there may be millions, and is only as good as the file is quiet.
 * It moves the descriptor's offset: read and write with positions.
 */
export function* dataExtents(fd: number, size: number): Generator<Extent, void> {
  const system = libc()
  for (let at = 0; at < size;) {
    const start = system === undefined ? at : seek(system, fd, at, SEEK_DATA)
    if (start >= size) return
    const end = system === undefined ? size : seek(system, fd, start, SEEK_HOLE)
    // A file system that knows no hole after `start`, or sees none of its own making, has data to the end.
    at = end > start ? Math.min(end, size) : size
    yield { start, end: at }
  }
}

/** The next byte of that kind from `at` on; infinitely far when there is none. */
function seek(system: Libc, fd: number, at: number, whence: number): number {
  // Linux has been seen to answer 2^63 - 1 (ext4, SEEK_HOLE in a file just truncated), which comes as a bigint.
  const found = Number(system.lseek(fd, at, whence))
  if (found >= 0) return found
  const errno = system.errno()
  if (errno === ENXIO) return Infinity
  // A kernel or file system that knows no holes says EINVAL: then everything is data.
  if (errno === EINVAL) return whence === SEEK_DATA ? at : Infinity
  throw callFailed('find the holes of', errno, fd)
}
