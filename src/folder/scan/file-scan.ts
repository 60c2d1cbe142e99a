import type { Name } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import { buildContent } from '../../object/content.ts'
import type { Entry, FileEntry } from '../../object/entry.ts'
import { OpenDirectories } from '../apply/open-directories.ts'
import type { FileResult } from '../ingest/job.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { FileStat } from '../system/file-stat.ts'
import { childPath } from '../system/paths.ts'
import { isSettled, pause } from '../system/settling.ts'
import type { Slot } from './assembly.ts'
import type { Place } from './directory.ts'
import type { LinkedFile } from './linked-files.ts'
import { newEntry } from './new-entry.ts'
import type { ScanWork } from './scan-work.ts'

/** Makes the entries of everything but directories. */
export class FileScan {
  readonly #work: ScanWork
  readonly #root: DirectoryHandle

  constructor(work: ScanWork, root: DirectoryHandle) {
    this.#work = work
    this.#root = root
  }

  /**
   * Fills `slot`, at once or when the file has been read. `unchanged` is its entry in the last snapshot, where
   * it has not changed since; `placed` the one that it was given just now.
   */
  look(
    place: Place,
    slot: Slot,
    name: Name,
    stat: FileStat,
    unchanged: Entry | undefined,
    placed: Entry | undefined,
  ): Promise<void> | undefined {
    const { counts, links } = this.#work
    counts.files++
    if (stat.kind === 'file') counts.bytes += stat.size
    const met = stat.nlink > 1 ? links.meet(stat, place.path(name)) : undefined
    const link = met && !met.isFirst ? met.first.path : undefined
    const known = unchanged ?? placed
    if (known) {
      slot.same = known === unchanged && known.link === link
      slot.entry = known.link === link ? known : { ...known, link }
      if (met?.isFirst === true) met.first.settle(slot.entry)
      return undefined
    }
    if (met && link !== undefined) {
      place.wait()
      met.first.whenKnown((entry) => {
        slot.entry = entry && { ...entry, name, link }
        place.settle()
      })
      return undefined
    }
    try {
      return this.#read(place, slot, name, stat, met?.first)
    } catch (error) {
      met?.first.settle(undefined)
      throw error
    }
  }

  #read(
    place: Place,
    slot: Slot,
    name: Name,
    stat: FileStat,
    first: LinkedFile | undefined,
  ): Promise<void> | undefined {
    this.#work.checkTime(place.path(name), stat)
    if (stat.kind !== 'file' || stat.size === 0) {
      const own = place.handle.path(name)
      slot.entry = newEntry(name, own, stat, this.#work.xattrs(own, place.path(name)), undefined)
      first?.settle(slot.entry)
      return undefined
    }
    this.#work.counts.read += stat.size
    place.wait()
    const { root, quick } = this.#work.options
    const path = childPath(place.directory.path, name)
    // Read so soon, it may be in the middle of a write, whose end will be told of and show nowhere else.
    const isEarly = quick === true && !isSettled(stat, pause)
    const done = (result: FileResult): void => {
      if (result.status !== 'stable' || result.renewed || isEarly) slot.ctimeNs = 0n
      slot.entry = this.#finish(place, name, stat, result)
      first?.settle(slot.entry)
      place.settle()
    }
    return this.#work.options.ingest.submit({ root, path, identity: stat, quick, done })
  }

  /** The file's entry; undefined when it is not in the folder any longer. */
  #finish(place: Place, name: Name, looked: FileStat, result: FileResult): FileEntry | undefined {
    if (result.status === 'unreadable')
      return this.#unreadable(name, looked, place.path(name), result.message)
    if (result.lost !== undefined) this.#work.problem(place.path(name), 'lost-metadata', result.lost)
    const unstable = result.status === 'unstable'
    if (unstable) this.#work.problem(place.path(name), 'unstable', 'it changed each time it was read')
    const { mode } = result.renewed ?? looked
    const keepsOwner = this.#work.options.carry?.keepsOwners === true
    const { uid, gid } = keepsOwner ? looked : (result.renewed ?? looked)
    const { size, mtimeNs, xattrs } = result
    const content = buildContent(result.items, this.#work.emit)
    const [link, unreadable] = [undefined, false]
    return { kind: 'file', name, mode, uid, gid, mtimeNs, xattrs, link, unreadable, size, content, unstable }
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
