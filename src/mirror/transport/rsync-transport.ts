import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  createReadStream,
  fstatSync,
  linkSync,
  mkdirSync,
  rmSync,
  utimesSync,
} from 'node:fs'
import { displayName, nameToBytes, type Name } from '../../bytes/name.ts'
import { fromSystem, isTidemarkError, TidemarkError } from '../../errors.ts'
import { OpenDirectories } from '../../folder/apply/open-directories.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import { openDirectory, type DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { fileStat, readStat, type FileStat } from '../../folder/system/file-stat.ts'
import { childPath, displayPath, readTarget, type SystemPath } from '../../folder/system/paths.ts'
import { atATime } from './at-a-time.ts'
import { runRsync, type RsyncOutcome } from './rsync-process.ts'
import type { Fetched, FetchOptions, Reading, ReadOptions, Transport, Wanted } from './transport.ts'

export interface RsyncOptions {
  /** Where temporary files may stand; on the file system of the mirror. */
  readonly scratch: DirectoryHandle
  /** The mirror's tree: what stands there already need not come again. */
  readonly local: SystemPath
  /** Bytes a second. */
  readonly bandwidth?: number | undefined
  /** Seconds in which something must come, 60 when left out. */
  readonly patience?: number | undefined
}

/** What `--munge-links` puts before the target of every link, so that nothing can follow it. */
const munged = '/rsyncd-munged/'

/** The real rsync, as a daemon or over ssh. It sends differences, and asks for nothing of us at the other side. */
export class RsyncTransport implements Transport {
  readonly name: string
  readonly ranged = false
  readonly #base: string
  readonly #options: RsyncOptions

  /** `base` is what rsync takes, and ends with `/` or `:`. */
  constructor(base: string, options: RsyncOptions) {
    this.#base = base
    this.#options = options
    this.name = base.replace(/^(rsync:\/\/[^/@:]*):[^/@]*@/, '$1@')
  }

  async read(path: Name, options: ReadOptions = {}): Promise<Reading | 'missing' | 'same' | 'changed'> {
    const { known, basis, signal } = options
    const { scratch } = this.#options
    const name = `r-${randomBytes(12).toString('hex')}`
    // By its place: what goes by way of our descriptors leads nowhere in another process.
    const directory = childPath(scratch.location, name)
    mkdirSync(scratch.path(name), 0o700)
    try {
      const seeded = basis !== undefined && lay(basis, childPath(directory, nameOf(path)))
      const small = seeded && (readStat(childPath(directory, nameOf(path)))?.size ?? 0) < 4 * 1024 * 1024
      // Of a large file time and size tell enough, of a small one its checksum costs nothing.
      const careful = small ? ['--checksum'] : ['--modify-window=-1']
      // One link is followed: the name of the principal index may be one.
      const { complaints } = await this.#run(
        [...careful, '--times', '--copy-links', '--no-relative', '--compress'],
        [path],
        directory,
        signal,
      )
      return await this.#taken(path, name, { complaints, known, seeded })
    } catch (error) {
      rmSync(directory, { recursive: true, force: true })
      throw error
    }
  }

  /** What rsync has made of the file in the scratch directory `name`, which goes when it has been read. */
  async #taken(
    path: Name,
    name: Name,
    told: { complaints: readonly string[]; known: string | undefined; seeded: boolean },
  ): Promise<Reading | 'missing' | 'same'> {
    const { scratch } = this.#options
    const directory = scratch.child(name)
    const remove = (): void => rmSync(scratch.path(name), { recursive: true, force: true })
    try {
      const complaint = complaintAbout(told.complaints, path)
      const absent = complaint !== undefined && /No such file/.test(complaint)
      if (complaint !== undefined && !absent) throw new TidemarkError('denied', `${this.name}: ${complaint}`)
      if (absent || directory.stat(nameOf(path)) === undefined) {
        remove()
        return 'missing'
      }
      const fd = directory.open(nameOf(path), constants.O_RDONLY)
      const stat = fileStat(fstatSync(fd, { bigint: true }))
      const state = stateOf(stat)
      if (state === told.known) {
        closeSync(fd)
        remove()
        return 'same'
      }
      return {
        state,
        fresh: false,
        size: stat.size,
        start: 0,
        mtimeNs: stat.mtimeNs,
        body: bodyOf(fd, remove),
      }
    } finally {
      directory.close()
    }
  }

  /** One rsync for each of `jobs` parts of the items; one for all when left out. */
  async *fetch(
    items: readonly Wanted[],
    into: DirectoryHandle,
    options: FetchOptions = {},
  ): AsyncGenerator<Fetched, void> {
    const { jobs = 1 } = options
    const size = Math.max(1, Math.ceil(items.length / jobs))
    const parts = Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
      items.slice(i * size, (i + 1) * size),
    )
    let failure: unknown
    for await (const part of atATime(parts, jobs, (part) => this.#fetchPart(part, into, options))) {
      yield* part.answers
      failure ??= part.failure
    }
    if (failure !== undefined) throw failure
  }

  async #fetchPart(
    items: readonly Wanted[],
    into: DirectoryHandle,
    { signal, onBytes }: FetchOptions,
  ): Promise<{ readonly answers: Fetched[]; readonly failure: unknown }> {
    const tree = `t-${randomBytes(12).toString('hex')}`
    mkdirSync(into.path(tree), 0o700)
    const path = childPath(into.location, tree)
    // Of what has a hash is known that it differs from what stands here, whatever time and size say.
    const differs = items.every(({ hash }) => hash !== undefined)
    let outcome: RsyncOutcome | undefined
    let failure: unknown
    try {
      outcome = await this.#run(
        [
          '--links',
          '--munge-links',
          differs ? '--ignore-times' : '--modify-window=-1',
          '--perms',
          '--times',
          '--no-implied-dirs',
          `--link-dest=${text(this.#options.local)}`,
        ],
        items.map(({ path }) => path),
        path,
        signal,
      )
    } catch (error) {
      if (!isTidemarkError(error) || isTidemarkError(error, 'cancelled')) throw error
      // What has come until then is whole: rsync gives a file its name when it is.
      failure = error
    }
    const answers: Fetched[] = []
    const root = openDirectory(path)
    const directories = new OpenDirectories(root)
    try {
      for (const wanted of items) {
        const fetched = this.#look(directories, tree, wanted)
        if (fetched === undefined && failure !== undefined) continue
        if (fetched?.outcome === 'file')
          onBytes?.(directories.get(directoryOf(wanted.path)).stat(nameOf(wanted.path))?.size ?? 0)
        answers.push(fetched ?? absent(wanted, outcome!))
      }
    } finally {
      directories.close()
      root.close()
    }
    return { answers, failure }
  }

  /** What has come for an item; undefined when nothing has. */
  #look(directories: OpenDirectories, tree: Name, wanted: Wanted): Fetched | undefined {
    const { path } = wanted
    try {
      const directory = directories.get(directoryOf(path))
      const stat = directory.stat(nameOf(path))
      if (stat === undefined) return undefined
      if (stat.kind === 'symlink') {
        const target = readTarget(directory.path(nameOf(path)))
        return {
          wanted,
          outcome: 'symlink',
          target: target.startsWith(munged) ? target.slice(munged.length) : target,
        }
      }
      if (stat.kind === 'directory') return { wanted, outcome: 'directory' }
      if (stat.kind !== 'file')
        throw new TidemarkError('denied', `${displayName(path)} is no file, but a ${stat.kind}`)
      return {
        wanted,
        outcome: 'file',
        staged: [tree, ...path.split('/')],
        mtimeNs: stat.mtimeNs,
        mode: stat.mode & 0o777,
      }
    } catch (error) {
      if (isTidemarkError(error, 'missing')) return undefined
      if (isTidemarkError(error)) return { wanted, outcome: 'failed', error }
      throw error
    }
  }

  /** One rsync for all of `paths`, which are written to its standard input, NUL between them. */
  #run(
    options: readonly string[],
    paths: readonly Name[],
    to: SystemPath,
    signal: AbortSignal | undefined,
  ): Promise<RsyncOutcome> {
    const { bandwidth, patience = 60 } = this.#options
    const input = Buffer.concat(paths.flatMap((path) => [nameToBytes(path), Buffer.of(0)]))
    const limit =
      bandwidth === undefined || bandwidth === Infinity
        ? []
        : [`--bwlimit=${Math.max(1, Math.round(bandwidth / 1024))}`]
    const isDaemon = /^rsync:\/\//i.test(this.#base) || this.#base.includes('::')
    const waiting = [`--timeout=${patience}`, ...(isDaemon ? [`--contimeout=${patience}`] : [])]
    const fixed = [
      '--files-from=-',
      '--from0',
      '--partial-dir=.rsync-partial',
      '--no-motd',
      ...waiting,
      ...limit,
    ]
    return runRsync([...fixed, ...options, '--', this.#base, `${text(to)}/`], input, signal)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Arguments of a program are text to Node: a path that is no UTF-8 could not be given. */
function text(path: SystemPath): string {
  if (typeof path === 'string' && path.isWellFormed()) return path
  throw new TidemarkError(
    'unsupported',
    `${displayPath(path)}: rsync cannot be given a path that is not UTF-8`,
  )
}

/** Puts a file where rsync will take it for the one to be brought up to date. */
function lay(basis: SystemPath, to: SystemPath): boolean {
  try {
    linkSync(basis, to)
    return true
  } catch {
    try {
      const stat = readStat(basis)
      if (stat === undefined) return false
      copyFileSync(basis, to)
      utimesSync(to, new Date(), Number(stat.mtimeNs) / 1e9)
      return true
    } catch {
      return false
    }
  }
}

async function* bodyOf(fd: number, remove: () => void): AsyncGenerator<Uint8Array, void> {
  try {
    yield* createReadStream('', { fd, autoClose: true })
  } catch (error) {
    throw fromSystem(error, 'read what rsync brought')
  } finally {
    remove()
  }
}

/** rsync quotes names, and escapes what is not printable, which does not matter here. */
function complaintAbout(complaints: readonly string[], path: Name): string | undefined {
  return complaints.find((line) => line.includes(`/${path}"`) || line.includes(`"${path}"`))
}

function absent(wanted: Wanted, { code, complaints }: RsyncOutcome): Fetched {
  const complaint = complaintAbout(complaints, wanted.path)
  if (complaint === undefined || code === 0 || /No such file|vanished/.test(complaint)) {
    return { wanted, outcome: 'missing' }
  }
  const code2 = /Permission denied/.test(complaint) ? 'denied' : 'failed'
  return { wanted, outcome: 'failed', error: new TidemarkError(code2, complaint) }
}

function stateOf({ size, mtimeNs }: FileStat): string {
  return `${size}-${mtimeNs}`
}
