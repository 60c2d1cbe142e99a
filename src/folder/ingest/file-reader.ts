import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isTidemarkError, reasonOf, systemCode } from '../../errors.ts'
import { nameFromBytes } from '../../bytes/name.ts'
import { chunkClass } from '../../object/chunk-class.ts'
import type { ChunkSize } from '../../object/chunk-class.ts'
import { createChunker } from '../../object/chunker.ts'
import type { Chunker } from '../../object/chunker.ts'
import type { ContentItem } from '../../object/content.ts'
import { maxFileSize } from '../../object/entry.ts'
import { idOf } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import { OpenDirectories } from '../apply/open-directories.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { dataExtents, mayHaveHoles } from '../system/extents.ts'
import { statOpen } from '../system/at.ts'
import { fileStat } from '../system/file-stat.ts'
import type { FileStat } from '../system/file-stat.ts'
import { libc } from '../system/libc.ts'
import { isSettled, pause, settlingNs, shortPause } from '../system/settling.ts'
import { readXattrs } from '../system/xattrs.ts'
import { sameFile } from './job.ts'
import type { FileJob, FileResult, ReadResult } from './job.ts'

/** Takes a chunk, which is valid only until the next one. When it returns a promise, it is awaited. */
export type TakeChunk = (id: Id, bytes: Uint8Array) => Promise<void> | undefined

/** Holds two of the largest chunks, so that a tail is moved once in a while only. */
const bufferSize = 8 * 1024 * 1024
/** How much of it is used for files whose chunks are smaller: what fits into a processor's cache. */
const usualWindow = 1024 * 1024
/** A file that has changed each time it was read so often is called unstable. */
const attempts = 3

const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

/** One that nobody uses: to make another would take longer than to read a small file. */
let idle: Chunker | undefined

/**
 * Reads files, cuts them into chunks and hashes these, all in one buffer. A file that is not the same after
 * the reading as it was before is read again. Calls are synchronous: this is what threads are for.
 *
 * A write sets the times first and copies its bytes then, and two writes may leave the same times. So a file
 * is read only when it has been left alone for some hundredths of a second, and waited for until it has. What
 * goes unseen is a single write that takes longer than that, and one through a mapping of the file.
 */
export class FileReader {
  readonly #chunker: Chunker
  readonly #memory: Uint8Array<ArrayBuffer>
  readonly #take: TakeChunk

  constructor(take: TakeChunk) {
    this.#chunker = idle ?? createChunker(bufferSize)
    idle = undefined
    this.#memory = this.#chunker.memory
    this.#take = take
  }

  /** It reads nothing any more: the next reader may have its memory. */
  release(): void {
    idle ??= this.#chunker
  }

  async read(job: FileJob): Promise<FileResult> {
    let file
    try {
      file = openSync(job.path, openFlags)
      const result = await this.#readStable(file, job)
      if (result.status === 'unreadable' || result.renewed === undefined) return result
      // Another file than was looked at, perhaps: then a directory on its path may have become a link.
      const inside = openInside(job)
      if (typeof inside !== 'number') return inside
      const isSame = isSameFile(file, inside)
      closeSync(file)
      file = inside
      return isSame ? result : await this.#readStable(file, job)
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      return unreadable(error)
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  async #readStable(file: number, job: FileJob): Promise<FileResult> {
    const needed = job.quick === true ? shortPause : pause
    let before = job.identity
    let stat: FileStat | undefined
    for (let attempt = 1; ; attempt++) {
      let isQuiet = true
      if (!isSettled(before, needed)) {
        await sleep(Number(settlingNs(before, BigInt(Date.now()) * 1_000_000n, needed)) / 1e6)
        stat = statOf(file)
        isQuiet = sameFile(before, stat)
        before = stat
        if (!isQuiet && attempt < attempts) continue
      }
      if (before.size > maxFileSize)
        return { status: 'unreadable', message: `${before.size} bytes: no file so large can be kept` }
      const items: ContentItem[] = []
      const size = await this.#readItems(file, before.size, stat, items)
      const after = statOf(file)
      if (after.kind !== 'file') return { status: 'unreadable', message: 'is no longer a regular file' }
      const stable = isQuiet && sameFile(before, after) && size === after.size
      if (stable || attempt === attempts) {
        const status = stable ? 'stable' : 'unstable'
        const renewed = sameFile(job.identity, after) ? undefined : after
        return { status, items, size, mtimeNs: after.mtimeNs, ...readAttributes(file), renewed }
      }
      before = after
      stat = after
    }
  }

  /** Adds the items of the first `size` bytes, or of as many as there are; returns how many were read. */
  async #readItems(
    file: number,
    size: number,
    known: FileStat | undefined,
    items: ContentItem[],
  ): Promise<number> {
    const sizes = chunkClass(size)
    // Most files are small: one that fits into a few blocks has no hole worth a system call.
    const stat = size > 65_536 ? (known ?? statOf(file)) : undefined
    if (stat === undefined || !mayHaveHoles({ size, blocks: stat.blocks })) {
      return this.#readExtent(file, 0, size, sizes, items)
    }
    let at = 0
    for (const { start, end } of dataExtents(file, size)) {
      if (start > at) items.push({ length: start - at, id: undefined })
      at = await this.#readExtent(file, start, end, sizes, items)
      if (at < end) return at
    }
    if (at < size) items.push({ length: size - at, id: undefined })
    return size
  }

  /** Reads bytes `from` to `to`; returns where it ended, which is earlier when the file has become shorter. */
  async #readExtent(
    file: number,
    from: number,
    to: number,
    sizes: ChunkSize,
    items: ContentItem[],
  ): Promise<number> {
    const memory = this.#memory.subarray(0, Math.max(usualWindow, 2 * sizes.max))
    let position = from
    let start = 0
    let end = 0
    for (;;) {
      if (end - start < sizes.max && position < to) {
        memory.copyWithin(0, start, end)
        end -= start
        start = 0
        while (end < memory.length && position < to) {
          const read = readSync(file, memory, end, Math.min(memory.length - end, to - position), position)
          if (read === 0) to = position
          end += read
          position += read
        }
      }
      if (start === end) return position
      const cut = this.#chunker.cut(start, end, sizes)
      const chunk = memory.subarray(start, cut)
      const id = idOf(chunk)
      items.push({ length: chunk.length, id })
      start = cut
      const wait = this.#take(id, chunk)
      if (wait) await wait
    }
  }
}

/** By the C library where there is one: that makes no bigints but those that are asked for. */
function statOf(file: number): FileStat {
  const system = libc()
  return system === undefined ? fileStat(fstatSync(file, { bigint: true })) : statOpen(system, file)
}

function unreadable(error: unknown): FileResult {
  return { status: 'unreadable', message: reasonOf(error) }
}

function isSameFile(a: number, b: number): boolean {
  const [first, second] = [statOf(a), statOf(b)]
  return first.dev === second.dev && first.ino === second.ino
}

/** Opens a job's file by a way that no symbolic link can lead astray, which takes a call for each directory. */
function openInside({ root, path }: FileJob): number | FileResult {
  const whole = typeof path === 'string' ? path : nameFromBytes(path)
  const relative = whole.slice(root.length + 1)
  const slash = relative.lastIndexOf('/')
  try {
    const top = openDirectory(root)
    const directories = new OpenDirectories(top)
    try {
      const directory = directories.get(relative.slice(0, Math.max(0, slash)))
      return directory.open(relative.slice(slash + 1), openFlags)
    } finally {
      directories.close()
      top.close()
    }
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    return unreadable(error)
  }
}

function readAttributes(file: number): Pick<ReadResult, 'xattrs' | 'lost'> {
  try {
    return { xattrs: readXattrs(file), lost: undefined }
  } catch (error) {
    return { xattrs: [], lost: error instanceof Error ? error.message : String(error) }
  }
}
