import { fstatSync } from 'node:fs'
import { compareNames, sortNames, type Name } from '../../bytes/name.ts'
import { fromSystem, isTidemarkError } from '../../errors.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import type { Difference } from '../../tree/compare-directories.ts'
import { listBatches } from '../../tree/directory.ts'
import { checkDepth, directoryOf, joinPath, splitPath } from '../../tree/path.ts'
import { walkBatches } from '../../tree/walk.ts'
import { newEntry } from '../scan/new-entry.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import { fileStat, type FileStat } from '../system/file-stat.ts'
import { readXattrs } from '../system/xattrs.ts'
import type { OpenDirectories } from './open-directories.ts'
import { isReserved } from './step.ts'
import { isTemporaryName } from './temporary-name.ts'

export interface LiveOptions extends CallOptions {
  /** Tell what the wanted tree lacks as well. */
  readonly extra?: boolean | undefined
}

/**
 * Sets what stands in a real directory beside what is wanted in it: every path of the wanted tree, and with
 * `extra` those that only the directory has, in path order (see `comparePaths`), some at a time; equal ones
 * too. Contents are not read: a file that is there has an entry without content.
 *
 * Each directory is listed when it is come to, before anything in it is told, so what is done with the answer
 * meanwhile does not confuse it. Memory is that of the names of the directories along one path.
 */
export class LiveDifferences {
  readonly #store: Store
  readonly #directories: OpenDirectories
  readonly #options: LiveOptions
  /** The first path met of each file that has several names. */
  readonly #first = new Map<string, Name>()

  constructor(store: Store, directories: OpenDirectories, options: LiveOptions = {}) {
    this.#store = store
    this.#directories = directories
    this.#options = options
  }

  /** What stands at `path` and below it. */
  async *from(path: Name, wanted: Entry): AsyncGenerator<readonly Difference[]> {
    const before = this.at(path, wanted)
    yield [{ path, before, after: wanted }]
    yield* this.#enter(path, before, wanted, splitPath(path).length)
  }

  /** The entry of what stands at `path`, where `wanted` is wanted; undefined when nothing does. */
  at(path: Name, wanted: Entry): Entry | undefined {
    if (path === '') {
      const { fd } = this.#directories.root
      const stat = fileStat(fstatSync(fd, { bigint: true }))
      return newEntry('', this.#directories.root.location, stat, readXattrs(fd), undefined)
    }
    const slash = path.lastIndexOf('/')
    const above = path.slice(0, Math.max(0, slash))
    try {
      return this.#look(above, path.slice(slash + 1), path, wanted)
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict')) return undefined
      throw error
    }
  }

  /** Everything below the directory at `path`, which is there; `wanted` undefined: nothing is wanted below. */
  async *#below(
    path: Name,
    wanted: DirectoryEntry | undefined,
    depth: number,
  ): AsyncGenerator<readonly Difference[]> {
    checkDepth(path, depth)
    const names = this.#names(path)
    let next = 0
    if (wanted) {
      for await (const batch of listBatches(this.#store, wanted, this.#options)) {
        const last = batch.at(-1)!.name
        let end = next
        while (end < names.length && compareNames(names[end]!, last) <= 0) end++
        yield* this.#merge(path, names.slice(next, end), batch, depth)
        next = end
      }
    }
    if (this.#options.extra === true) yield* this.#merge(path, names.slice(next), [], depth)
  }

  /** Names in order, without what is not the folder's own. */
  #names(path: Name): Name[] {
    const all = this.#directories.get(path).names()
    const names = all.filter((name) => !isTemporaryName(name) && !isReserved(joinPath(path, name)))
    sortNames(names)
    return names
  }

  async *#merge(
    directory: Name,
    names: readonly Name[],
    wanted: readonly Entry[],
    depth: number,
  ): AsyncGenerator<readonly Difference[]> {
    let found: Difference[] = []
    let n = 0
    let w = 0
    while (n < names.length || w < wanted.length) {
      const order =
        n === names.length ? 1 : w === wanted.length ? -1 : compareNames(names[n]!, wanted[w]!.name)
      const name = order <= 0 ? names[n++]! : undefined
      const after = order >= 0 ? wanted[w++]! : undefined
      if (after === undefined && this.#options.extra !== true) continue
      const path = joinPath(directory, (after?.name ?? name)!)
      const before = name === undefined ? undefined : this.#look(directory, name, path, after)
      if (before === undefined && after === undefined) continue
      found.push({ path, before, after })
      const isDirectory = [before?.kind === 'directory', after?.kind === 'directory']
      if (!isDirectory.includes(true) || isReserved(path)) {
        if (found.length < 512) continue
        yield found
        found = []
        continue
      }
      yield found
      found = []
      yield* this.#enter(path, before, after, depth)
    }
    if (found.length > 0) yield found
  }

  #enter(
    path: Name,
    before: Entry | undefined,
    after: Entry | undefined,
    depth: number,
  ): AsyncGenerator<readonly Difference[]> {
    const wanted = after?.kind === 'directory' ? after : undefined
    if (before?.kind === 'directory') {
      const isListed = wanted !== undefined || (this.#options.extra === true && !this.#isMount(path))
      return isListed ? this.#below(path, wanted, depth + 1) : nothing()
    }
    return wanted ? this.#all(path, wanted) : nothing()
  }

  /** Everything below a directory that is not there yet. */
  async *#all(path: Name, wanted: DirectoryEntry): AsyncGenerator<readonly Difference[]> {
    const { signal } = this.#options
    for await (const batch of walkBatches(this.#store, wanted, { signal })) {
      yield batch.map((place) => ({
        path: joinPath(path, place.path),
        before: undefined,
        after: place.entry,
      }))
    }
  }

  /** The entry of what stands at `path`; undefined when it has gone. */
  #look(directory: Name, name: Name, path: Name, wanted: Entry | undefined): Entry | undefined {
    const handle = this.#directories.get(directory)
    const stat = handle.stat(name)
    if (stat === undefined) return undefined
    const here = handle.path(name)
    let entry
    try {
      const xattrs = wanted === undefined ? [] : readXattrs(here)
      entry = newEntry(name, here, stat, xattrs, this.#linkOf(stat, path))
    } catch (error) {
      if (isTidemarkError(error, 'missing')) return undefined
      throw fromSystem(error, 'look at what is there')
    }
    if (entry.kind !== 'directory' || wanted?.kind === 'directory') return entry
    return { ...entry, count: countOf(handle, name) }
  }

  /** What is mounted in a directory that is to go is not the directory's. */
  #isMount(path: Name): boolean {
    const above = directoryOf(path)
    return this.#directories.device(path) !== this.#directories.device(above)
  }

  #linkOf(stat: FileStat, path: Name): Name | undefined {
    if (stat.nlink < 2 || stat.kind === 'directory') return undefined
    const key = `${stat.dev}:${stat.ino}`
    const first = this.#first.get(key)
    if (first === undefined) this.#first.set(key, path)
    return first
  }
}

async function* nothing(): AsyncGenerator<readonly Difference[]> {}

function countOf(handle: DirectoryHandle, name: Name): number {
  const child = handle.child(name)
  try {
    return child.names().length
  } finally {
    child.close()
  }
}
