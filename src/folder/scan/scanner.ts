import { setImmediate } from 'node:timers/promises'
import { sortNames, type Name } from '../../bytes/name.ts'
import { corrupt, systemCode, TidemarkError } from '../../errors.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import { joinPath, nameOf } from '../../tree/path.ts'
import { openDirectory } from '../system/directory-handle.ts'
import type { StateLeaf } from '../state.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import { readStat } from '../system/file-stat.ts'
import type { FileStat } from '../system/file-stat.ts'
import { libc, libcIfLoaded } from '../system/libc.ts'
import { Look } from '../system/look.ts'
import { childPath } from '../system/paths.ts'
import { Assembly } from './assembly.ts'
import type { Below, Slot } from './assembly.ts'
import { elsewhere, mayBe } from './carry.ts'
import { belowOf, nothingBelow, Place } from './directory.ts'
import type { Directory } from './directory.ts'
import { FileScan } from './file-scan.ts'
import { IgnoreRules } from './ignore-rules.ts'
import { keptNames, withOwnRules, type KeptNames } from './kept-names.ts'
import { KnownLeaf } from './known-leaf.ts'
import type { Known } from './known-leaf.ts'
import { MovedDirectories } from './moved-directories.ts'
import { isUnchanged, newEntry, settledCtime } from './new-entry.ts'
import type { ScanOptions, ScanResult } from './scan.ts'
import { ScanWork } from './scan-work.ts'
import { windows } from './windows.ts'
import type { Window } from './windows.ts'

/** Directories entered one in another, of which each takes a kilobyte or so of the call stack. */
const levelsAtOnce = 64
/** Entries looked at between two turns of the event loop. */
const entriesPerTurn = 2000
/** Entries for which loading the C library (12 ms) pays: each is then looked at in a third of the time. */
const manyEntries = 2000

/** What became of a directory that was to be read. */
type Outcome = Below | 'unreadable' | 'vanished' | 'left-out'

/** What is to be done with names that are remembered and are not kept. */
interface Carrying {
  readonly isLeftOut: KeptNames['isLeftOut']
  readonly left: ReadonlyMap<Name, Entry | undefined> | undefined
}

/**
 * Walks a folder depth first, in byte order, and builds its tree: names are looked at with one system call
 * each, files that may have changed go to the ingest, and each directory is put together once its files and
 * sub-directories are. Nothing here waits for a file: the walk goes on while files are being read.
 *
 * The way down leads through directory handles: no symbolic link that is swapped in meanwhile is followed.
 */
export class Scanner {
  readonly #work: ScanWork
  readonly #onPath: ReadonlySet<Name>
  readonly #moved: MovedDirectories
  #root!: DirectoryHandle
  #files!: FileScan
  #look: Look | undefined
  #device = 0n
  #looked = 0
  readonly #unfolded = new Map<Name, readonly StateLeaf[]>()
  /** How many directories the walk is in. */
  #level = 0

  constructor(options: ScanOptions) {
    this.#work = new ScanWork(options)
    this.#moved = new MovedDirectories(this.#work)
    this.#onPath = new Set([...(options.only ?? [])].flatMap(selfAndAbove))
  }

  async run(): Promise<ScanResult> {
    const { root } = this.#work.options
    if (readStat(root)?.kind !== 'directory')
      throw new TidemarkError('missing', `${root}: there is no such directory`)
    this.#root = openDirectory(root)
    try {
      return await this.#run()
    } finally {
      this.#root.close()
    }
  }

  async #run(): Promise<ScanResult> {
    const { root, before, ingest, placed } = this.#work.options
    const stat = this.#root.self()
    this.#device = stat.dev
    this.#files = new FileScan(this.#work, this.#root)
    this.#look = quickLook(this.#work.options)
    let below: Outcome | undefined
    const directory: Directory = {
      path: root,
      relative: '',
      before: before && belowOf(before),
      rules: IgnoreRules.none,
      dev: stat.dev,
      ino: BigInt.asIntN(64, stat.ino),
      depth: this.#depth('', before === undefined, before?.mtimeNs !== stat.mtimeNs),
      leavesSome: false,
    }
    await this.#enter(directory, undefined, (result) => (below = result))
    await ingest.drain()
    await this.#work.settlePuts()
    this.#moved.settle()
    if (typeof below !== 'object') throw new TidemarkError('denied', `${root}: cannot be read`)
    const xattrs = this.#work.xattrs(this.#root.fd, '')
    const own = (placed?.find('', '', stat) ??
      newEntry('', root, this.#shown(stat, before), xattrs, undefined)) as DirectoryEntry
    return { root: { ...own, ...below }, counts: this.#work.counts, linked: this.#work.links.any }
  }

  /** Scans a directory of `parent` (the root without one); `done` is told what is below it, once known. */
  async #enter(
    directory: Directory,
    parent: DirectoryHandle | undefined,
    done: (below: Outcome) => void,
  ): Promise<void> {
    // The stack is left now and then, or a very deep tree would fill it.
    if (++this.#level % levelsAtOnce === 0) await Promise.resolve()
    let current = directory
    let kept: KeptNames | undefined
    let handle
    try {
      handle = parent === undefined ? openDirectory(directory.path) : parent.child(nameOf(directory.relative))
      checkSame(handle, directory)
      if (directory.depth === 'through') current = withOwnRules(directory, handle)
      else {
        kept = keptNames(directory, handle, this.#work.options)
        current = { ...kept.directory, leavesSome: kept.leavesSome }
      }
    } catch (error) {
      this.#level--
      handle?.close()
      this.#work.forget(directory.relative)
      if (isGone(error)) return done('vanished')
      this.#work.problem(directory.relative, 'unreadable', error)
      return done('unreadable')
    }
    try {
      await this.#scan(current, handle, kept, done)
    } finally {
      this.#level--
      handle.close()
    }
    await this.#work.settlePuts()
  }

  /** Looks at the `names` of a directory (at those remembered when there are none) and puts it together. */
  async #scan(
    directory: Directory,
    handle: DirectoryHandle,
    kept: KeptNames | undefined,
    done: (below: Outcome) => void,
  ): Promise<void> {
    const { memory, carry } = this.#work.options
    const left = carry?.left?.of(directory.relative)
    const names = kept && withCarried(kept.names, left)
    const carrying = kept && carry && { isLeftOut: kept.isLeftOut, left }
    const assembly = new Assembly(directory.relative, this.#work.emit, memory)
    let waiting = 1
    let first = true
    const wait = (): void => void waiting++
    const settle = (): void => {
      assembly.advance()
      waiting--
      if (waiting > 0) return
      const below = assembly.finish(directory.before)
      const isLeft = carry !== undefined && directory.leavesSome && directory.before === undefined
      // A new directory that holds nothing but what is left out is left out itself.
      done(isLeft && below.count === 0 && directory.relative !== '' ? 'left-out' : below)
    }
    const leaves = this.#unfolded.get(directory.relative) ?? memory.leaves(directory.relative)
    for (const { from, to, leaf } of names ? windows(names, leaves) : wholes(leaves)) {
      first = false
      // The group itself waits until all of its names have been looked at.
      const group = { slots: [], size: 0, count: 0, waiting: 1, leaf, sameNames: false }
      assembly.add(group)
      const place = new Place(directory, handle, group, wait, settle)
      const known = leaf && new KnownLeaf(leaf)
      if (names) group.sameNames = await this.#lookAtAll(place, names, from, to, known, carrying)
      else group.sameNames = await this.#passThrough(place, known!)
      group.waiting--
      assembly.advance()
      // A huge directory's leaves must not gather until its end.
      if (this.#work.crowded) await this.#work.settlePuts()
    }
    if (first && names === undefined && directory.before?.content)
      throw corrupt('folder state', `${directory.relative}: its leaves are missing`)
    settle()
  }

  /** Looks at `names` from place `from` up to `to`; true when they are just those that are known. */
  async #lookAtAll(
    place: Place,
    names: readonly Name[],
    from: number,
    to: number,
    leaf: KnownLeaf | undefined,
    carrying: Carrying | undefined,
  ): Promise<boolean> {
    let sameNames = leaf !== undefined
    const passed = (): void => {
      if (carrying && this.#carries(place, leaf!, carrying)) return
      sameNames = false
      this.#forgetPassed(place.directory, leaf!)
    }
    for (let at = from; at < to; at++) {
      const name = names[at]!
      const isKnown = leaf?.advanceTo(name, passed) === true
      if (!isKnown) sameNames = false
      if (carrying?.left?.has(name) === true) {
        const wait = this.#lookAtLeft(place, name, isKnown ? leaf.known() : undefined, carrying)
        if (wait) await wait
      } else if (!isKnown || !this.#isUntouched(place, name, leaf)) {
        const wait = this.#lookAt(place, name, isKnown ? leaf.known() : undefined)
        if (wait) await wait
      }
      if (isKnown) leaf.cursor.next()
      if (++this.#looked % entriesPerTurn === 0) await this.#pause()
    }
    leaf?.advanceTo(undefined, passed)
    leaf?.checkEnd()
    return sameNames
  }

  /** Takes what is known of a directory as it is, but for what leads on to where something may have changed. */
  async #passThrough(place: Place, leaf: KnownLeaf): Promise<boolean> {
    const { cursor } = leaf
    const { relative } = place.directory
    for (; cursor.valid; cursor.next()) {
      if (this.#onPath.has(joinPath(relative, cursor.name)))
        await this.#lookAt(place, cursor.name, leaf.known())
      else place.keep(cursor.index, cursor.size, 1 + cursor.count)
      if (++this.#looked % entriesPerTurn === 0) await this.#pause()
    }
    leaf.checkEnd()
    return true
  }

  /** Keeps what is known of `name` if a quick look finds it untouched; false when a closer one is needed. */
  #isUntouched(place: Place, name: Name, leaf: KnownLeaf): boolean {
    const look = this.#look
    if (look === undefined || leaf.cursor.isDirectory) return false
    if (!look.at(place.handle.fd, name) || !leaf.isUntouched(look)) return false
    const { index, size } = leaf.cursor
    this.#work.counts.files++
    this.#work.counts.bytes += size
    place.keep(index, size, 1)
    return true
  }

  /**
   * Keeps the entry at the cursor, whose name is not among those that are kept, where other copies of the folder may
   * have it still; false when it was here and is here no longer.
   */
  #carries(place: Place, leaf: KnownLeaf, { isLeftOut, left }: Carrying): boolean {
    const { cursor, isElsewhere } = leaf
    const { name } = cursor
    if (left?.has(name) === true) return false
    const isLeft = isLeftOut(name, cursor.isDirectory)
    const { rules } = place.directory
    if (!isLeft && !isElsewhere && !(cursor.isDirectory && this.#carriesBelow(place.path(name), rules)))
      return false
    if (!isLeft) this.#work.problem(place.path(name), 'not-here', notHere)
    place.keep(cursor.index, cursor.size, 1 + cursor.count)
    return true
  }

  /** Whether a directory that is gone had something that is left out here, which others may have still. */
  #carriesBelow(directory: Name, rules: IgnoreRules): boolean {
    const { memory, carry } = this.#work.options
    for (const stored of memory.leaves(directory)) {
      const leaf = new KnownLeaf(stored)
      for (const { cursor } = leaf; cursor.valid; cursor.next()) {
        const path = joinPath(directory, cursor.name)
        const isLeft =
          rules.ignores(path, cursor.isDirectory) || carry?.selected?.(path, cursor.isDirectory) === false
        if (isLeft || leaf.isElsewhere || (cursor.isDirectory && this.#carriesBelow(path, rules))) return true
      }
    }
    return false
  }

  /** Looks at a name that was left out when the folder went on to another snapshot. */
  #lookAtLeft(
    place: Place,
    name: Name,
    known: Known | undefined,
    { isLeftOut, left }: Carrying,
  ): Promise<void> | undefined {
    const entry = left!.get(name)
    if (known?.entry.kind === 'directory') this.#work.forget(place.path(name))
    if (entry === undefined) return this.#lookAt(place, name, undefined)
    if (!isLeftOut(name, entry.kind === 'directory'))
      return this.#lookAt(place, name, { entry, ...elsewhere })
    place.add({ entry, ...elsewhere, same: false })
    return undefined
  }

  /** Looks at one name. `known` is what is remembered of it. */
  #lookAt(place: Place, name: Name, known: Known | undefined): Promise<void> | undefined {
    let stat
    const isElsewhere = known?.ino === elsewhere.ino && known.ctimeNs === elsewhere.ctimeNs
    try {
      stat = place.handle.stat(name)
    } catch (error) {
      // The name itself may be what the system refuses.
      if (!isElsewhere) {
        this.#work.problem(place.path(name), 'unreadable', error)
        return this.#keepUnseen(place, name, known)
      }
    }
    if (isElsewhere) {
      if (stat === undefined || !mayBe(known.entry, stat)) {
        this.#work.problem(place.path(name), 'not-here', stat ? inTheWay : notHere)
        place.add({ entry: known.entry, ...elsewhere, same: false })
        return undefined
      }
      if (known.entry.kind === 'directory') return this.#unfold(place, name, known.entry)
    }
    if (known?.entry.kind === 'directory' && stat?.kind !== 'directory') {
      const path = place.path(name)
      if (stat !== undefined && this.#work.options.carry && this.#carriesBelow(path, place.directory.rules)) {
        this.#work.problem(path, 'not-here', inTheWay)
        place.add({ entry: known.entry, ...elsewhere, same: false })
        return undefined
      }
      this.#work.forget(path)
    }
    if (stat === undefined) {
      place.add({ entry: undefined, ino: 0n, ctimeNs: 0n, same: false })
      return undefined
    }
    const unchanged =
      known && isUnchanged(known.entry, known.ino, known.ctimeNs, stat) ? known.entry : undefined
    const placed = unchanged
      ? undefined
      : this.#work.options.placed?.find(place.directory.relative, name, stat)
    const slot: Slot = {
      entry: undefined,
      ino: BigInt.asIntN(64, stat.ino),
      ctimeNs: unchanged ? stat.ctimeNs : settledCtime(stat),
      same: false,
    }
    place.add(slot)
    const shown = this.#shown(stat, known?.entry)
    try {
      if (stat.kind === 'directory') {
        return this.#lookAtDirectory(place, slot, name, shown, known, unchanged, placed)
      }
      return this.#files.look(place, slot, name, shown, unchanged, placed)
    } catch (error) {
      // What vanishes while it is looked at was not there. What has become something else could be anything.
      if (isGone(error)) return undefined
      if (systemCodeOf(error) === undefined) throw error
      this.#work.problem(place.path(name), 'unreadable', error)
      return undefined
    }
  }

  /** Looks at a directory that was not here, or not all of it, and may be here in part. */
  async #unfold(place: Place, name: Name, entry: DirectoryEntry): Promise<void> {
    const { carry, memory } = this.#work.options
    const leaves = (await carry?.unfold(entry)) ?? []
    const path = place.path(name)
    for (const leaf of leaves) memory.put(path, leaf)
    this.#unfolded.set(path, leaves)
    await this.#lookAt(place, name, { entry, ino: 0n, ctimeNs: 0n })
  }

  /** What something shows, with the owner that it has for others, where that cannot be set here. */
  #shown(stat: FileStat, before: Entry | undefined): FileStat {
    if (before === undefined || this.#work.options.carry?.keepsOwners !== true) return stat
    return { ...stat, uid: before.uid, gid: before.gid }
  }

  /** A name that cannot be looked at is there all the same: what was known of it stays, without content. */
  #keepUnseen(place: Place, name: Name, known: Known | undefined): undefined {
    const entry = known && unreadable(known.entry)
    if (entry?.kind === 'directory') this.#work.forget(place.path(name))
    place.add({ entry, ino: 0n, ctimeNs: 0n, same: false })
  }

  #lookAtDirectory(
    place: Place,
    slot: Slot,
    name: Name,
    stat: FileStat,
    known: Known | undefined,
    unchanged: Entry | undefined,
    placed: Entry | undefined,
  ): Promise<void> | undefined {
    const { counts, options } = this.#work
    const relative = place.path(name)
    counts.directories++
    const ino = BigInt.asIntN(64, stat.ino)
    const before = this.#below(place, relative, known, ino)
    const entry = (unchanged ?? placed ?? this.#newDirectory(place, name, relative, stat)) as DirectoryEntry
    const fill = (below: Outcome): void => {
      slot.same = unchanged !== undefined && below === before
      if (below === 'left-out') place.directory.leavesSome = true
      if (below === 'vanished' || below === 'left-out') slot.entry = undefined
      else if (below === 'unreadable') slot.entry = unreadable(entry)
      else slot.entry = slot.same ? entry : { ...entry, ...below }
    }
    // Another directory by the same name, or one of which no changes were told, can be new all through.
    const isNew =
      place.directory.depth === 'all' ||
      before === undefined ||
      known?.ino !== ino ||
      options.watch?.covers(relative, ino) === false
    const depth = this.#depth(relative, isNew, unchanged === undefined)
    if (depth === 'through' && !this.#onPath.has(relative)) {
      fill(before!)
      return undefined
    }
    if (options.oneFileSystem === true && stat.dev !== this.#device) {
      this.#work.forget(relative)
      fill(nothingBelow)
      return undefined
    }
    place.wait()
    const path = childPath(place.directory.path, name)
    const { rules } = place.directory
    const directory = { path, relative, before, rules, dev: stat.dev, ino, depth, leavesSome: false }
    return this.#enter(directory, place.handle, (below) => {
      fill(below)
      place.settle()
    })
  }

  /** What is remembered of a directory, here or from where it was before. */
  #below(place: Place, relative: Name, known: Known | undefined, ino: bigint): Below | undefined {
    if (known?.entry.kind !== 'directory') return this.#moved.find(ino, place.directory.relative, relative)
    return known.entry.unreadable ? undefined : belowOf(known.entry)
  }

  #newDirectory(place: Place, name: Name, relative: Name, stat: FileStat): Entry {
    const path = place.handle.path(name)
    this.#work.checkTime(relative, stat)
    return newEntry(name, path, stat, this.#work.xattrs(path, relative), undefined)
  }

  #depth(relative: Name, isNew: boolean, isChanged: boolean): Directory['depth'] {
    const { only } = this.#work.options
    if (only === undefined || isNew) return 'all'
    return isChanged || only.has(relative) ? 'names' : 'through'
  }

  /** What was there in the last snapshot is there no longer. */
  #forgetPassed(directory: Directory, leaf: KnownLeaf): void {
    const { cursor } = leaf
    if (cursor.isDirectory) this.#moved.note(joinPath(directory.relative, cursor.name), leaf.known())
  }

  /** Lets signals and timers have their turn. */
  async #pause(): Promise<void> {
    const { onProgress, signal } = this.#work.options
    onProgress?.(this.#work.counts)
    await setImmediate()
    signal?.throwIfAborted()
  }
}

const notHere = 'it is not here, though nothing leaves it out any more'
const inTheWay = 'something else has its place here: move that away'

/** The names with those of what was left out, which are not among them. */
function withCarried(names: Name[], left: ReadonlyMap<Name, Entry | undefined> | undefined): Name[] {
  if (left === undefined) return names
  const carried = [...left].filter(([, entry]) => entry !== undefined).map(([name]) => name)
  const all = [...new Set([...names, ...carried])]
  sortNames(all)
  return all
}

/** Where there is much to compare, or the C library has been loaded already. */
function quickLook({ before, only }: ScanOptions): Look | undefined {
  const isWorth = only === undefined && before !== undefined && before.count > manyEntries
  const system = isWorth ? libc() : libcIfLoaded()
  return system && new Look(system)
}

/** Without names: the leaves alone. */
function* wholes(leaves: ReturnType<ScanOptions['memory']['leaves']>): Generator<Window> {
  for (const leaf of leaves) yield { from: 0, to: 0, leaf }
}

/** The entry without what is in it. */
function unreadable(entry: Entry): Entry {
  if (entry.kind === 'directory') return { ...entry, ...nothingBelow, unreadable: true }
  if (entry.kind === 'file') return { ...entry, content: undefined, unstable: false, unreadable: true }
  return { ...entry, unreadable: true }
}

/** Refuses a directory that has taken the place of the one that was looked at. */
function checkSame(handle: DirectoryHandle, { dev, ino }: Directory): void {
  const own = handle.self()
  if (own.dev !== dev || BigInt.asIntN(64, own.ino) !== ino)
    throw new TidemarkError('conflict', 'it was replaced while it was looked at')
}

/** Whether what was looked at has vanished meanwhile, or has become something else than a directory. */
function isGone(error: unknown): boolean {
  const code = systemCodeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP'
}

function systemCodeOf(error: unknown): string | undefined {
  return systemCode(error instanceof TidemarkError ? error.cause : error)
}

/** A path, all directories above it, and the root. */
function selfAndAbove(path: Name): Name[] {
  const paths = [path]
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    paths.push(path.slice(0, at))
  return [...paths, '']
}
