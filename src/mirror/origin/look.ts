import { opendirSync } from 'node:fs'
import { nameFromBytes, type Name } from '../../bytes/name.ts'
import { fromSystem, isTidemarkError, systemCode, type TidemarkError } from '../../errors.ts'
import { rulesFile } from '../../folder/scan/ignore-rules.ts'
import type { ScanWatch } from '../../folder/scan/scan.ts'
import { readStat, type FileStat } from '../../folder/system/file-stat.ts'
import { childPath, readNames, systemPath, type SystemPath } from '../../folder/system/paths.ts'
import { isIndexPath, isOwnPath, parseDetail, printDetail } from '../../recent/index.ts'
import { LeftOut } from './left-out.ts'
import type { Listed, OriginState, Stamp } from './origin-state.ts'

/** Something that is not as the index has it, as far as can be told without reading it. */
export type Found =
  | { readonly path: Name; readonly stat: FileStat; readonly listed: Listed | undefined }
  | { readonly path: Name; readonly stat?: undefined; readonly listed?: undefined }

/** What to look at: these entries of these directories (`undefined`: all of one), or everything. */
export type Where = ReadonlyMap<Name, ReadonlySet<Name> | undefined> | 'everything'

export interface LookOptions {
  readonly root: string
  readonly state: OriginState
  /** What the names of index files begin with. */
  readonly indexRoot: string
  readonly watch?: ScanWatch | undefined
  /** A directory could not be read: what is listed in it is left as it is. */
  readonly onProblem: (path: Name, error: TidemarkError) => void
}

/** Compares a tree with what the index lists of it. Nothing is changed but stamps of what is found unchanged. */
export class Look {
  readonly #options: LookOptions
  readonly #state: OriginState
  /** Directories seen; those below one that could not be read count as seen. */
  readonly #seen = new Set<Name>()
  readonly #unread: Name[] = []
  readonly #leftOut: LeftOut

  constructor(options: LookOptions) {
    this.#options = options
    this.#leftOut = new LeftOut(options.root)
    this.#state = options.state
  }

  *at(where: Where): Generator<Found> {
    if (where === 'everything') return yield* this.#everything()
    for (const [directory, names] of where) {
      if (names === undefined) yield* this.#someDirectory(directory)
      else yield* this.#entries(directory, names)
    }
  }

  *#everything(): Generator<Found> {
    yield* this.#walk('')
    for (const directory of this.#state.directories()) {
      if (this.#isSeen(directory)) continue
      for (const { name } of this.#state.inDirectory(directory)) yield { path: join(directory, name) }
    }
  }

  /** A directory with all that is below it, and all that is listed there and gone. */
  *#subtree(directory: Name): Generator<Found> {
    yield* this.#walk(directory)
    for (const path of this.#state.below(directory)) {
      if (!this.#isSeen(path.slice(0, path.lastIndexOf('/')))) yield { path }
    }
  }

  #isSeen(directory: Name): boolean {
    if (this.#seen.has(directory)) return true
    return this.#unread.some((unread) => directory === unread || directory.startsWith(`${unread}/`))
  }

  /** A directory of which is known only that something in it has changed, or it itself. */
  *#someDirectory(directory: Name): Generator<Found> {
    if (directory === '') return yield* this.#everything()
    const stat = this.#visible(directory)
    if (stat?.kind === 'directory') yield* this.#subtree(directory)
    else yield* this.#entry(directory, stat)
  }

  *#entries(directory: Name, names: ReadonlySet<Name>): Generator<Found> {
    // Other rules: what is left out now, or no more, is found by a look at all.
    if (names.has(rulesFile)) return yield* this.#someDirectory(directory)
    let isFewer = false
    for (const name of names) {
      const path = join(directory, name)
      if (this.#isOwn(path)) continue
      const stat = this.#visible(path)
      isFewer ||= stat === undefined
      yield* this.#entry(path, stat)
    }
    if (directory === '') return
    const stat = this.#visible(directory)
    if (stat?.kind !== 'directory') return
    if (isFewer && this.#isEmpty(directory)) yield* this.#directory(directory, stat, true)
  }

  /** One entry, of which is told that it may have changed. */
  *#entry(path: Name, stat: FileStat | undefined): Generator<Found> {
    if (path === '') return
    const listed = this.#state.find(path)
    if (stat?.kind === 'directory') {
      if (this.#options.watch?.covers(path, stat.ino) !== true) {
        if (listed !== undefined && !isDirectory(listed)) yield { path }
        return yield* this.#subtree(path)
      }
      // Of a known directory only its mode can have changed: what is in it is told of by itself.
      if (listed !== undefined) yield* this.#directory(path, stat, this.#isEmpty(path))
      return
    }
    for (const below of this.#state.below(path)) yield { path: below }
    this.#options.watch?.leave(path)
    if (stat !== undefined && isListable(stat)) yield* this.#file(path, stat, listed)
    else if (listed !== undefined) yield { path }
  }

  /** Goes through the directories from one down. */
  *#walk(directory: Name): Generator<Found> {
    const { watch } = this.#options
    const stat = this.#stat(directory)
    if (stat?.kind !== 'directory') return
    const path = this.#path(directory)
    watch?.enter({ path, relative: directory, ino: stat.ino })
    let names: Name[]
    try {
      names = readNames(path)
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      if (error.code !== 'missing') this.#unread.push(directory)
      if (error.code !== 'missing') this.#options.onProblem(directory, error)
      return
    }
    this.#seen.add(directory)
    const listed = new Map(this.#state.inDirectory(directory).map((entry) => [entry.name, entry]))
    let isEmpty = true
    const directories: Name[] = []
    for (const name of names) {
      const child = join(directory, name)
      if (this.#isOwn(child)) continue
      const childStat = this.#visible(child)
      if (childStat === undefined || !isListable(childStat)) continue
      isEmpty = false
      const entry = listed.get(name)
      listed.delete(name)
      if (childStat.kind === 'directory') {
        directories.push(child)
        if (entry !== undefined && !isDirectory(entry)) yield { path: child }
      } else yield* this.#file(child, childStat, entry)
    }
    for (const name of listed.keys()) yield { path: join(directory, name) }
    if (directory !== '') yield* this.#directory(directory, stat, isEmpty)
    for (const child of directories) yield* this.#walk(child)
  }

  *#directory(path: Name, stat: FileStat, isEmpty: boolean): Generator<Found> {
    const listed = this.#state.find(path)
    const { mode, mtimeNs } = stat
    const detail = printDetail({ kind: 'directory', mode, mtimeNs })
    if (isEmpty) {
      if (listed?.detail !== detail) yield { path, stat, listed }
      // One that is not empty is listed only because it once was; its time changes with what is in it.
    } else if (listed?.detail !== undefined && isDirectory(listed)) {
      const known = parseDetail(listed.detail)
      if (known.kind === 'directory' && known.mode !== mode) yield { path, stat, listed }
    }
  }

  *#file(path: Name, stat: FileStat, listed: Listed | undefined): Generator<Found> {
    if (listed?.stamp !== undefined && isSame(listed.stamp, stat)) return
    if (listed !== undefined && listed.stamp === undefined && isAsOld(listed, stat)) {
      this.#state.put(path, { ...listed, stamp: stampOf(stat) })
      return
    }
    yield { path, stat, listed }
  }

  #isOwn(path: Name): boolean {
    return isOwnPath(path) || isIndexPath(path, this.#options.indexRoot)
  }

  /** What is at a path, if it is not left out: that is not there for the index. */
  #visible(path: Name): FileStat | undefined {
    const stat = this.#stat(path)
    return stat === undefined || this.#leftOut.has(path, stat.kind === 'directory') ? undefined : stat
  }

  #isEmpty(directory: Name): boolean {
    try {
      const entries = opendirSync(systemPath(this.#path(directory)), { encoding: 'buffer' as BufferEncoding })
      try {
        for (let entry; (entry = entries.readSync()) !== null;) {
          const path = join(directory, nameFromBytes(entry.name as unknown as Uint8Array))
          if (this.#isOwn(path)) continue
          const stat = this.#visible(path)
          if (stat !== undefined && isListable(stat)) return false
        }
        return true
      } finally {
        entries.closeSync()
      }
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return false
      throw fromSystem(error, `read directory ${directory}`)
    }
  }

  #stat(path: Name): FileStat | undefined {
    return readStat(this.#path(path))
  }

  #path(path: Name): SystemPath {
    return path === '' ? this.#options.root : childPath(this.#options.root, path)
  }
}

/** Fifos, sockets and devices are no content. */
function isListable({ kind }: FileStat): boolean {
  return kind === 'file' || kind === 'directory' || kind === 'symlink'
}

function isDirectory({ detail }: Listed): boolean {
  return detail?.startsWith('d ') === true
}

function isSame(stamp: Stamp, { ino, size, mtimeNs, ctimeNs }: FileStat): boolean {
  return (
    stamp.ctimeNs === ctimeNs && stamp.mtimeNs === mtimeNs && stamp.ino === ino && stamp.size === BigInt(size)
  )
}

/** Taken for what a Perl program has listed, as long as it is no younger than that (clocks differ a little). */
function isAsOld({ detail, epoch }: Listed, { mtimeNs }: FileStat): boolean {
  return detail === undefined && mtimeNs / 1000n <= epoch + 2_000_000n
}

export function stampOf({ ino, size, mtimeNs, ctimeNs }: FileStat): Stamp {
  return { ino, size: BigInt(size), mtimeNs, ctimeNs }
}

function join(directory: Name, name: Name): Name {
  return directory === '' ? name : `${directory}/${name}`
}
