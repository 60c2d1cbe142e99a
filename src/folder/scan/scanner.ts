import { setImmediate } from 'node:timers/promises'
import { compareNames, sortNames } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import { corrupt, isTidemarkError, systemCode, TidemarkError } from '../../errors.ts'
import { buildContent } from '../../object/content.ts'
import type { DirectoryEntry, Entry, FileEntry, Xattr } from '../../object/entry.ts'
import { idOf } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import type { FileResult, ReadResult } from '../ingest/job.ts'
import { readStat } from '../system/file-stat.ts'
import type { FileStat } from '../system/file-stat.ts'
import { childPath, readNames } from '../system/paths.ts'
import type { SystemPath } from '../system/paths.ts'
import { readXattrs } from '../system/xattrs.ts'
import { Assembly } from './assembly.ts'
import type { Below, Slot } from './assembly.ts'
import { cacheTag, isCacheDirectory } from './cache-directory.ts'
import { IgnoreRules, rulesFile } from './ignore-rules.ts'
import { LinkedFiles } from './linked-files.ts'
import { isUnchanged, newEntry, settledCtime } from './new-entry.ts'
import type { Problem, ScanCounts, ScanOptions, ScanResult } from './scan.ts'
import { statEntries } from './stat-entries.ts'
import type { EntryStats } from './stat-entries.ts'
import { windows } from './windows.ts'

/** The bookkeeping of a folder, which is not part of it. */
export const ownDirectory = '.tidemark'

interface Directory {
  readonly path: SystemPath
  readonly relative: Name
  /** What the last snapshot says of it; undefined for a new one. */
  readonly before: Below | undefined
  readonly rules: IgnoreRules
  readonly ino: bigint
  /** `all`: everything below it is looked at; `names`: its own entries are; `through`: only what leads on. */
  readonly depth: 'all' | 'names' | 'through'
}

/** Where a name's entry goes, and whom to tell when it is there. */
interface Place {
  readonly directory: Directory
  readonly stats: EntryStats
  readonly slot: (slot: Slot) => void
  /** Called once for a slot that is filled later, after `wait`. */
  readonly wait: () => void
  readonly settle: () => void
}

/** Directories entered one in another, of which each takes a kilobyte or so of the call stack. */
const levelsAtOnce = 64

/** Pieces of trees that wait to be stored before the walk does. */
const putsAtOnce = 64
/** Entries looked at between two turns of the event loop. */
const entriesPerTurn = 2000

/**
 * Walks a folder depth first, in byte order, and builds its tree: names are looked at with one system call
 * each, files that may have changed go to the ingest, and each directory is put together once its files and
 * sub-directories are. Nothing here waits for a file: the walk goes on while files are being read.
 */
export class Scanner {
  readonly #options: ScanOptions
  readonly #links = new LinkedFiles()
  readonly #counts: ScanCounts = { files: 0, directories: 0, bytes: 0, read: 0 }
  readonly #onPath: ReadonlySet<Name>
  #puts: { id: Id; bytes: Uint8Array }[] = []
  #device = 0n
  #looked = 0
  /** How many directories the walk is in. */
  #level = 0

  constructor(options: ScanOptions) {
    this.#options = options
    this.#onPath = new Set([...(options.only ?? [])].flatMap(selfAndAbove))
  }

  async run(): Promise<ScanResult> {
    const { root, before, ingest } = this.#options
    const stat = readStat(root)
    if (stat?.kind !== 'directory') throw new TidemarkError('missing', `${root}: there is no such directory`)
    this.#device = stat.dev
    let below: Below | 'unreadable' | 'vanished' | undefined
    const directory: Directory = {
      path: root,
      relative: '',
      before: before && belowOf(before),
      rules: IgnoreRules.none,
      ino: BigInt.asIntN(64, stat.ino),
      depth: this.#depth('', before === undefined, before?.mtimeNs !== stat.mtimeNs),
    }
    await this.#enter(directory, (result) => (below = result))
    await ingest.drain()
    await this.#settlePuts()
    if (typeof below !== 'object') throw new TidemarkError('denied', `${root}: cannot be read`)
    const own = newEntry('', root, stat, this.#xattrs(root, ''), undefined) as DirectoryEntry
    return { root: { ...own, ...below }, counts: this.#counts, linked: this.#links.any }
  }

  /** Scans a directory; `done` is told what is below it, once known. */
  async #enter(
    directory: Directory,
    done: (below: Below | 'unreadable' | 'vanished') => void,
  ): Promise<void> {
    // The stack is left now and then, or a very deep tree would fill it.
    if (++this.#level % levelsAtOnce === 0) await Promise.resolve()
    let current = directory
    let names: Name[] | undefined
    let stats
    try {
      stats = statEntries(directory.path)
      if (directory.depth === 'through') current = withOwnRules(directory)
      else [names, current] = this.#names(directory, stats)
    } catch (error) {
      this.#level--
      stats?.close()
      this.#forget(directory.relative)
      if (isGone(error)) return done('vanished')
      this.#problem(directory.relative, 'unreadable', error)
      return done('unreadable')
    }
    try {
      await this.#scan(current, names, stats, done)
    } finally {
      this.#level--
      stats.close()
    }
    if (this.#puts.length > 0) await this.#settlePuts()
  }

  /** Looks at the `names` of a directory (at those remembered when there are none) and puts it together. */
  async #scan(
    directory: Directory,
    names: Name[] | undefined,
    stats: EntryStats,
    done: (below: Below) => void,
  ): Promise<void> {
    const assembly = new Assembly(directory.relative, this.#emit, this.#options.memory)
    let waiting = 1
    let first = true
    const settle = (): void => {
      assembly.advance()
      waiting--
      if (waiting === 0) done(assembly.finish(directory.before))
    }
    for (const window of windows(names, this.#options.memory.leaves(directory.relative))) {
      first = false
      const slots: Slot[] = []
      // The group itself waits until all of its names have been looked at.
      const group = { slots, waiting: 1, leaf: window.leaf, sameNames: window.sameNames }
      assembly.add(group)
      const place: Place = {
        directory,
        stats,
        slot: (slot) => slots.push(slot),
        wait: () => {
          group.waiting++
          waiting++
        },
        settle: () => {
          group.waiting--
          settle()
        },
      }
      let known = 0
      for (const name of window.names) {
        let entry = window.entries[known]
        while (entry && compareNames(entry.name, name) < 0) {
          this.#forgetEntry(directory, entry)
          entry = window.entries[++known]
        }
        const same = entry?.name === name
        const [ino, ctimeNs] = same ? window.leaf!.stats.subarray(2 * known, 2 * known + 2) : []
        const wait = this.#look(
          place,
          name,
          same ? { entry: entry!, ino: ino!, ctimeNs: ctimeNs! } : undefined,
          names,
        )
        if (wait) await wait
        if (same) known++
        if (++this.#looked % entriesPerTurn === 0) await this.#pause()
      }
      if (window.leaf) for (const entry of window.entries.slice(known)) this.#forgetEntry(directory, entry)
      group.waiting--
      assembly.advance()
      // A huge directory's leaves must not gather until its end.
      if (this.#puts.length >= putsAtOnce) await this.#settlePuts()
    }
    if (first && names === undefined && directory.before?.content)
      throw corrupt('folder state', `${directory.relative}: its leaves are missing`)
    settle()
  }

  /** The sorted names of a directory that are to be kept, and the directory with the rules in force in it. */
  #names(directory: Directory, stats: EntryStats): [Name[], Directory] {
    const { path, relative, ino } = directory
    const { excluded, watch } = this.#options
    // Before the names are read, so that whatever appears after that is told of.
    watch?.enter({ path, relative, ino })
    let names = readNames(path)
    const { rules } = names.includes(rulesFile) ? withOwnRules(directory) : directory
    if (rules !== IgnoreRules.none) watch?.heed(relative, rules)
    if (names.includes(cacheTag) && isCacheDirectory(path)) {
      names = [cacheTag]
      watch?.heed(relative, IgnoreRules.everything)
    }
    names = names.filter((name) => name !== ownDirectory)
    if (rules !== IgnoreRules.none || excluded.size > 0) {
      names = names.filter((name) => {
        const child = childPath(path, name)
        if (excluded.has(String(child))) return false
        return !rules.ignores(join(relative, name), stats.stat(name)?.kind === 'directory')
      })
    }
    sortNames(names)
    return [names, { ...directory, rules }]
  }

  /** Looks at one name. `known` is what is remembered of it, `names` undefined in a directory passed through. */
  #look(
    place: Place,
    name: Name,
    known: Known | undefined,
    names: Name[] | undefined,
  ): Promise<void> | undefined {
    const { directory } = place
    const relative = join(directory.relative, name)
    if (names === undefined && known && !this.#onPath.has(relative)) {
      place.slot({ entry: known.entry, ino: known.ino, ctimeNs: known.ctimeNs, same: true })
      return undefined
    }
    let stat
    try {
      stat = place.stats.stat(name)
    } catch (error) {
      this.#problem(relative, 'unreadable', error)
    }
    if (known?.entry.kind === 'directory' && stat?.kind !== 'directory') this.#forget(relative)
    if (stat === undefined) {
      place.slot({ entry: undefined, ino: 0n, ctimeNs: 0n, same: false })
      return undefined
    }
    const unchanged =
      known && isUnchanged(known.entry, known.ino, known.ctimeNs, stat) ? known.entry : undefined
    const now = BigInt(Date.now()) * 1_000_000n
    const slot: Slot = {
      entry: undefined,
      ino: BigInt.asIntN(64, stat.ino),
      ctimeNs: unchanged ? stat.ctimeNs : settledCtime(stat, now),
      same: false,
    }
    place.slot(slot)
    const path = childPath(directory.path, name)
    try {
      if (stat.kind === 'directory')
        return this.#lookAtDirectory(place, slot, path, relative, stat, known, unchanged)
      return this.#lookAtFile(place, slot, path, relative, stat, unchanged)
    } catch (error) {
      // What vanishes while it is looked at was not there. What has become something else could be anything.
      if (isGone(error)) return undefined
      if (systemCodeOf(error) === undefined) throw error
      this.#problem(relative, 'unreadable', error)
      return undefined
    }
  }

  #lookAtDirectory(
    place: Place,
    slot: Slot,
    path: SystemPath,
    relative: Name,
    stat: FileStat,
    known: Known | undefined,
    unchanged: Entry | undefined,
  ): Promise<void> | undefined {
    this.#counts.directories++
    const before =
      known?.entry.kind === 'directory' && !known.entry.unreadable ? belowOf(known.entry) : undefined
    const entry = (unchanged ??
      newEntry(nameOf(relative), path, stat, this.#xattrs(path, relative), undefined)) as DirectoryEntry
    const fill = (below: Below | 'unreadable' | 'vanished'): void => {
      slot.same = unchanged !== undefined && below === before
      if (below === 'vanished') slot.entry = undefined
      else if (below === 'unreadable') slot.entry = { ...entry, ...nothingBelow, unreadable: true }
      else slot.entry = slot.same ? entry : { ...entry, ...below }
    }
    const ino = BigInt.asIntN(64, stat.ino)
    // Another directory by the same name, or one of which no changes were told, can be new all through.
    const isNew =
      place.directory.depth === 'all' ||
      before === undefined ||
      known!.ino !== ino ||
      this.#options.watch?.covers(relative, ino) === false
    const depth = this.#depth(relative, isNew, unchanged === undefined)
    if (depth === 'through' && !this.#onPath.has(relative)) {
      fill(before!)
      return undefined
    }
    if (this.#options.oneFileSystem === true && stat.dev !== this.#device) {
      this.#forget(relative)
      fill(nothingBelow)
      return undefined
    }
    place.wait()
    return this.#enter({ path, relative, before, rules: place.directory.rules, ino, depth }, (below) => {
      fill(below)
      place.settle()
    })
  }

  #lookAtFile(
    place: Place,
    slot: Slot,
    path: SystemPath,
    relative: Name,
    stat: FileStat,
    unchanged: Entry | undefined,
  ): Promise<void> | undefined {
    this.#counts.files++
    if (stat.kind === 'file') this.#counts.bytes += stat.size
    const met = stat.nlink > 1 ? this.#links.meet(stat, relative) : undefined
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
        slot.entry = entry && { ...entry, name: nameOf(relative), link }
        place.settle()
      })
      return undefined
    }
    let entry
    try {
      entry = newEntry(nameOf(relative), path, stat, this.#xattrs(path, relative), undefined)
    } catch (error) {
      met?.first.settle(undefined)
      throw error
    }
    if (entry.kind !== 'file' || entry.size === 0) {
      slot.entry = entry
      met?.first.settle(entry)
      return undefined
    }
    this.#counts.read += stat.size
    place.wait()
    const job = { path, ino: stat.ino, size: BigInt(stat.size), mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs }
    return this.#options.ingest.submit(job, (result) => {
      if (result.status !== 'stable' || result.renewed) slot.ctimeNs = 0n
      slot.entry = this.#finishFile(entry, path, relative, result)
      met?.first.settle(slot.entry)
      place.settle()
    })
  }

  #finishFile(
    looked: FileEntry,
    path: SystemPath,
    relative: Name,
    result: FileResult,
  ): FileEntry | undefined {
    if (result.status === 'unreadable') {
      if (this.#statAgain(path) === undefined) return undefined
      this.#problem(relative, 'unreadable', result.message)
      return { ...looked, unreadable: true }
    }
    const entry = result.renewed ? this.#renew(looked, path, relative, result) : looked
    const unstable = result.status === 'unstable'
    if (unstable) this.#problem(relative, 'unstable', 'it changed each time it was read')
    const content = buildContent(result.items, this.#emit)
    return { ...entry, size: result.size, mtimeNs: result.mtimeNs, content, unstable }
  }

  /** The entry with the metadata of what was read, where that is what stands there now. */
  #renew(entry: FileEntry, path: SystemPath, relative: Name, result: ReadResult): FileEntry {
    const stat = this.#statAgain(path)
    if (stat?.kind !== 'file' || stat.mtimeNs !== result.mtimeNs || stat.size !== result.size) return entry
    return newEntry(entry.name, path, stat, this.#xattrs(path, relative), entry.link) as FileEntry
  }

  /** Undefined also where a directory above has been replaced by what leads nowhere. */
  #statAgain(path: SystemPath): FileStat | undefined {
    try {
      return readStat(path)
    } catch {
      return undefined
    }
  }

  #depth(relative: Name, isNew: boolean, isChanged: boolean): Directory['depth'] {
    const { only } = this.#options
    if (only === undefined || isNew) return 'all'
    return isChanged || only.has(relative) ? 'names' : 'through'
  }

  #xattrs(path: SystemPath, relative: Name): readonly Xattr[] {
    try {
      return readXattrs(path)
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) this.#problem(relative, 'lost-metadata', error)
      return []
    }
  }

  /** What was there in the last snapshot is there no longer. */
  #forgetEntry(directory: Directory, entry: Entry): void {
    if (entry.kind === 'directory') this.#forget(join(directory.relative, entry.name))
  }

  /**
   * The directory is gone, or is not entered. Its leaves must go too: their chunks are kept only as long as
   * some snapshot has them.
   */
  #forget(relative: Name): void {
    this.#options.memory.deleteBelow(relative)
    this.#options.watch?.leave(relative)
  }

  #problem(path: Name, code: Problem['code'], reason: unknown): void {
    const message = reason instanceof Error ? reason.message : String(reason)
    this.#options.onProblem({ path, code, message })
  }

  readonly #emit = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    this.#puts.push({ id, bytes })
    return id
  }

  async #settlePuts(): Promise<void> {
    while (this.#puts.length > 0) {
      const puts = this.#puts
      this.#puts = []
      for (const { id, bytes } of puts) await this.#options.put(id, bytes)
    }
  }

  /** Lets signals and timers have their turn. */
  async #pause(): Promise<void> {
    this.#options.onProgress?.(this.#counts)
    await setImmediate()
    this.#options.signal?.throwIfAborted()
  }
}

interface Known {
  readonly entry: Entry
  readonly ino: bigint
  readonly ctimeNs: bigint
}

const nothingBelow: Below = { content: undefined, size: 0, count: 0 }

/** The directory with the rules of its own rules file in force, if it has one. */
function withOwnRules(directory: Directory): Directory {
  return { ...directory, rules: directory.rules.enter(directory.path, directory.relative) }
}

/** Whether what was looked at has vanished meanwhile, or has become something else than a directory. */
function isGone(error: unknown): boolean {
  const code = systemCodeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function systemCodeOf(error: unknown): string | undefined {
  return systemCode(error instanceof TidemarkError ? error.cause : error)
}

function belowOf({ content, size, count }: DirectoryEntry): Below {
  return { content, size, count }
}

function join(directory: Name, name: Name): Name {
  return directory === '' ? name : `${directory}/${name}`
}

function nameOf(path: Name): Name {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** A path, all directories above it, and the root. */
function selfAndAbove(path: Name): Name[] {
  const paths = [path]
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    paths.push(path.slice(0, at))
  return [...paths, '']
}
