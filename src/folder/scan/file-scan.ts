import type { Name } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import { buildContent } from '../../object/content.ts'
import type { Entry, FileEntry } from '../../object/entry.ts'
import { OpenDirectories } from '../apply/open-directories.ts'
import type { FileResult } from '../ingest/job.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { FileStat } from '../system/file-stat.ts'
import { childPath } from '../system/paths.ts'
import { joinPath } from '../../tree/path.ts'
import type { Slot } from './assembly.ts'
import type { Place } from './directory.ts'
import { newEntry } from './new-entry.ts'
import type { ScanWork } from './scan-work.ts'

/** What a look at a name that is no directory found. */
export interface LookedFile {
  readonly name: Name
  readonly stat: FileStat
  /** Its entry in the last snapshot, if it has not changed since. */
  readonly unchanged: Entry | undefined
}

/** Makes the entries of everything but directories. */
export class FileScan {
  readonly #work: ScanWork
  readonly #root: DirectoryHandle

  constructor(work: ScanWork, root: DirectoryHandle) {
    this.#work = work
    this.#root = root
  }

  /** Fills `slot`, at once or when the file has been read. */
  look(place: Place, slot: Slot, looked: LookedFile): Promise<void> | undefined {
    const { counts, links } = this.#work
    const { stat, unchanged } = looked
    const path = joinPath(place.directory.relative, looked.name)
    counts.files++
    if (stat.kind === 'file') counts.bytes += stat.size
    const met = stat.nlink > 1 ? links.meet(stat, path) : undefined
    const link = met && !met.isFirst ? met.first.path : undefined
    if (unchanged) {
      slot.same = unchanged.link === link
      slot.entry = slot.same ? unchanged : { ...unchanged, link }
      if (met?.isFirst === true) met.first.settle(slot.entry)
      return undefined
    }
    if (met && link !== undefined) {
      place.wait()
      met.first.whenKnown((entry) => {
        slot.entry = entry && { ...entry, name: looked.name, link }
        place.settle()
      })
      return undefined
    }
    try {
      return this.#read(place, slot, looked, path, (entry) => met?.first.settle(entry))
    } catch (error) {
      met?.first.settle(undefined)
      throw error
    }
  }

  #read(
    place: Place,
    slot: Slot,
    { name, stat }: LookedFile,
    path: Name,
    settled: (entry: Entry | undefined) => void,
  ): Promise<void> | undefined {
    if (stat.kind !== 'file' || stat.size === 0) {
      const own = place.handle.path(name)
      slot.entry = newEntry(name, own, stat, this.#work.xattrs(own, path), undefined)
      settled(slot.entry)
      return undefined
    }
    this.#work.counts.read += stat.size
    place.wait()
    const job = {
      root: this.#work.options.root,
      path: childPath(place.directory.path, name),
      ino: stat.ino,
      size: BigInt(stat.size),
      mtimeNs: stat.mtimeNs,
      ctimeNs: stat.ctimeNs,
    }
    return this.#work.options.ingest.submit(job, (result) => {
      if (result.status !== 'stable' || result.renewed) slot.ctimeNs = 0n
      slot.entry = this.#finish(name, stat, path, result)
      settled(slot.entry)
      place.settle()
    })
  }

  /** The file's entry; undefined when it is not in the folder any longer. */
  #finish(name: Name, looked: FileStat, path: Name, result: FileResult): FileEntry | undefined {
    if (result.status === 'unreadable') return this.#unreadable(name, looked, path, result.message)
    if (result.lost !== undefined) this.#work.problem(path, 'lost-metadata', result.lost)
    const unstable = result.status === 'unstable'
    if (unstable) this.#work.problem(path, 'unstable', 'it changed each time it was read')
    const { mode, uid, gid } = result.renewed ?? looked
    const { size, mtimeNs, xattrs } = result
    const content = buildContent(result.items, this.#work.emit)
    const common = { name, mode, uid, gid, mtimeNs, xattrs, link: undefined, unreadable: false }
    return { kind: 'file', ...common, size, content, unstable }
  }

  #unreadable(name: Name, looked: FileStat, path: Name, message: string): FileEntry | undefined {
    if (this.#standing(path) === undefined) return undefined
    this.#work.problem(path, 'unreadable', message)
    return { ...(newEntry(name, '', looked, [], undefined) as FileEntry), unreadable: true }
  }

  /** What stands at a path, come to by handles only; undefined when nothing does, or a link is on the way. */
  #standing(path: Name): FileStat | 'unknown' | undefined {
    const directories = new OpenDirectories(this.#root)
    try {
      const slash = path.lastIndexOf('/')
      return directories.get(path.slice(0, Math.max(0, slash))).stat(path.slice(slash + 1))
    } catch (error) {
      return isTidemarkError(error, 'missing', 'conflict') ? undefined : 'unknown'
    } finally {
      directories.close()
    }
  }
}
