import { statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { displayName } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import { fromSystem, isTidemarkError, systemCode, TidemarkError } from '../errors.ts'
import { openFolder, settleDevice } from '../folder/folder.ts'
import type { Folder } from '../folder/folder.ts'
import { ownDirectory } from '../folder/own-directory.ts'
import { settingsName } from '../folder/settings.ts'
import type { WorkingCopyStore } from '../folder/working-copy-store.ts'
import { listSnapshots } from '../history/log.ts'
import type { LoggedSnapshot } from '../history/log.ts'
import { resolveSnapshot, shortId } from '../history/name-snapshot.ts'
import type { Entry } from '../object/entry.ts'
import type { Id } from '../object/id.ts'
import type { Bucket } from '../store/bucket.ts'
import { openBucket } from '../store/open-bucket.ts'
import { Repository } from '../store/repository/repository.ts'
import type { Store } from '../store/store.ts'
import type { Context } from './context.ts'
import { areOfSeveralFolders, chooseFolder, severalFolders } from './folders-in-sight.ts'
import { beginsId, countsBack, isLatest, namesOne } from './snapshot-name.ts'
import { fromDisplayed, splitSnapshotPath, toSnapshotPath } from './snapshot-path.ts'

/** Where a command reads: a repository, and the folder whose history it is, if one is meant. */
export class Place {
  readonly repository: Repository
  readonly folder: Folder | undefined
  readonly signal: AbortSignal
  readonly #workingDirectory: string
  readonly #now: Date
  readonly #warn: (message: string) => Promise<void>
  /** Snapshots that could not be read. */
  readonly damaged: Set<Id> = new Set()
  readonly #of: string | undefined
  readonly #doubted = new Set<string>()
  #store: Store | undefined
  #workingCopy: WorkingCopyStore | undefined

  constructor(context: Context, repository: Repository, folder?: Folder) {
    this.repository = repository
    this.folder = folder
    this.signal = context.signal
    this.#of = context.options.of
    this.#workingDirectory = context.workingDirectory
    this.#now = context.now()
    this.#warn = (message) => context.warn(message)
  }

  /**
   * Newest first: those of the folder, or of the one that --of names; all, when there is neither or `all` is set.
   * Damaged ones are left out, with a warning: they must not keep anyone from the others.
   */
  async snapshots({ all = false }: { readonly all?: boolean } = {}): Promise<LoggedSnapshot[]> {
    const folder = all ? undefined : this.folder?.settings.folder
    const damaged = new Set<Id>()
    const found = await listSnapshots(this.repository, {
      folder,
      signal: this.signal,
      onDamaged: (id) => damaged.add(id),
    })
    for (const id of damaged) {
      if (this.damaged.has(id)) continue
      this.damaged.add(id)
      await this.#warn(`snapshot ${shortId(id)} is damaged and left out (see: tidemark verify)`)
    }
    return all || this.#of === undefined ? found : chooseFolder(found, this.#of, this.#workingDirectory)
  }

  /** Those of the one folder that is meant. Rejects `usage` when they are of several; `what` needs one. */
  async snapshotsOfOne(what: string): Promise<LoggedSnapshot[]> {
    const snapshots = await this.snapshots()
    if (areOfSeveralFolders(snapshots)) throw severalFolders(snapshots, what)
    return snapshots
  }

  /**
   * The snapshot that `text` means: of the folder, or, by its id, any one of the repository. Where a damaged one
   * may be what is meant, {@link uncertain} says so from then on.
   */
  async snapshot(text: string): Promise<LoggedSnapshot> {
    const snapshots = await this.snapshots()
    const several = this.folder === undefined && areOfSeveralFolders(snapshots)
    if (several && isLatest(text)) throw severalFolders(snapshots, text)
    const found = await this.#find(snapshots, text)
    const named = namesOne(text, [found])
    // A tag that several folders have means none of them.
    if (several && !beginsId(text, found.id) && !this.#isTagOfOne(snapshots, text))
      throw severalFolders(snapshots, text)
    if (this.damaged.size > 0 && (!named || countsBack(text)) && !this.#doubted.has(text)) {
      this.#doubted.add(text)
      const taken = `${text} is taken to be ${shortId(found.id)}`
      await this.#warn(`${taken}, but a damaged snapshot may be the one (see: tidemark verify)`)
    }
    return found
  }

  /** Whether a name was resolved for which a damaged snapshot may stand: what comes of it may not be what was meant. */
  get uncertain(): boolean {
    return this.#doubted.size > 0
  }

  #isTagOfOne(snapshots: readonly LoggedSnapshot[], text: string): boolean {
    const bearers = snapshots.filter((logged) => namesOne(text, [logged]))
    return bearers.length > 0 && !areOfSeveralFolders(bearers)
  }

  async #find(snapshots: readonly LoggedSnapshot[], text: string): Promise<LoggedSnapshot> {
    try {
      return await resolveSnapshot(snapshots, text, this.#now)
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
      const damaged = [...this.damaged].find((id) => beginsId(text, id))
      if (damaged !== undefined)
        throw new TidemarkError('corrupt', `snapshot ${shortId(damaged)} is damaged (see: tidemark verify)`)
      if (snapshots.length === 0 && this.damaged.size > 0)
        throw new TidemarkError('corrupt', 'no snapshot is whole (see: tidemark verify)')
      const all =
        this.folder === undefined && this.#of === undefined ? [] : await this.snapshots({ all: true })
      if (!all.some(({ id }) => beginsId(text, id))) throw error
      return resolveSnapshot(all, text, this.#now)
    }
  }

  /** What a path that the user wrote means; in `logged`, when it is about one snapshot. */
  pathIn(path: string, logged?: LoggedSnapshot): Name {
    const { folder } = this
    const own = folder && (logged === undefined || logged.snapshot.folder === folder.settings.folder)
    return toSnapshotPath(path, {
      workingDirectory: this.#workingDirectory,
      root: own ? folder.root : undefined,
      formerRoot: own ? undefined : logged?.snapshot.path,
    })
  }

  /** The chunks of the repository. One that it has lost is damage, whatever was asked for. */
  get store(): Store {
    return (this.#store ??= sayDamaged(this.repository))
  }

  /** Whether all contents are in the repository, or should be. */
  get keepsContents(): boolean {
    return this.folder?.settings.history !== 'none'
  }

  /**
   * Where contents come from: the repository, or, when no history of them is kept, the files in the folder, as
   * far as they are what they were.
   */
  async contents(): Promise<Store> {
    const { folder, repository } = this
    if (this.keepsContents || folder === undefined) return this.store
    const [latest] = await this.snapshots()
    if (latest === undefined) return repository
    const { WorkingCopyStore } = await import('../folder/working-copy-store.ts')
    const { LayeredStore } = await import('../store/layered-store.ts')
    this.#workingCopy ??= new WorkingCopyStore(folder.root, repository, latest.snapshot.root)
    return sayNotKept(new LayeredStore([repository, this.#workingCopy]))
  }

  [Symbol.dispose](): void {
    this.#workingCopy?.close()
    if (this.folder) this.folder.close()
    else this.repository.close()
  }
}

/** `store` for what snapshots name: what it does not give is damage, and `verify` says more of it. */
export function sayDamaged(store: Store): Store {
  const get: Store['get'] = async (id, options) => {
    try {
      return await store.get(id, options)
    } catch (error) {
      if (!isTidemarkError(error, 'missing', 'corrupt')) throw error
      throw new TidemarkError('corrupt', `${error.message} (see: tidemark verify)`, { cause: error })
    }
  }
  return { get, has: (ids, options) => store.has(ids, options) }
}

function sayNotKept(store: Store): Store {
  const get: Store['get'] = async (id, options) => {
    try {
      return await store.get(id, options)
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
      const problem = 'its content is not kept (init --history none), and the folder has it no longer'
      throw new TidemarkError('missing', problem, { cause: error })
    }
  }
  return { get, has: (ids, options) => store.has(ids, options) }
}

/** The folder of --folder, or the one that the working directory is in. To be closed. */
export function openContextFolder(context: Context): Promise<Folder> {
  const { folder, repository, of } = context.options
  if (of !== undefined && repository === undefined) {
    const problem = '--of chooses a folder in a repository: it goes with --repository'
    return Promise.reject(new TidemarkError('usage', problem))
  }
  if (repository !== undefined) {
    const problem = 'this works on a folder, not on a bare repository: leave --repository out'
    return Promise.reject(new TidemarkError('usage', problem))
  }
  const start = folder ?? context.workingDirectory
  return openFolder(start).catch((error: unknown) => {
    if (isTidemarkError(error, 'missing')) checkReadable(start)
    throw error
  })
}

/** The same for those that record something: one that was copied with its bookkeeping is a device of its own. */
export async function openOwnFolder(context: Context): Promise<Folder> {
  return settleDevice(await openContextFolder(context))
}

/** Throws `denied` when the bookkeeping of a folder that `path` is in is closed to this user: it seems not to be there. */
function checkReadable(path: string): void {
  for (let at = resolve(path); ; at = dirname(at)) {
    const own = join(at, ownDirectory)
    try {
      statSync(join(own, settingsName), { throwIfNoEntry: false })
    } catch (error) {
      if (systemCode(error) === 'EACCES') throw fromSystem(error, `open ${own}/${settingsName}`)
    }
    if (dirname(at) === at) return
  }
}

/**
 * The repository of --repository, or else the folder one stands in, with its repository. To be disposed of.
 */
export async function openPlace(context: Context): Promise<Place> {
  const { repository, folder: directory } = context.options
  if (repository === undefined) {
    const folder = await openContextFolder(context)
    try {
      return new Place(context, await folder.repository(), folder)
    } catch (error) {
      folder.close()
      throw error
    }
  }
  if (directory !== undefined) {
    throw new TidemarkError(
      'usage',
      '--folder and --repository exclude each other (a folder knows its repository)',
    )
  }
  try {
    return new Place(context, await Repository.open(await openBucket(repository), { signal: context.signal }))
  } catch (error) {
    if (!isTidemarkError(error, 'missing')) throw error
    throw new TidemarkError('missing', `${repository}: ${error.message}`, { cause: error })
  }
}

/** For commands that are about a repository as a whole. Throws `usage` for --of; `what` they do. */
export function refuseOf(context: Context, what: string): void {
  if (context.options.of === undefined) return
  throw new TidemarkError(
    'usage',
    `${what} the whole repository, not the snapshots of one folder: leave --of out`,
  )
}

/**
 * What the repository stands on, for those that look at one which may be too damaged to be opened; and what
 * it is called.
 */
export async function openContextBucket(context: Context): Promise<{ bucket: Bucket; name: string }> {
  const { repository } = context.options
  if (repository !== undefined) return { bucket: await openBucket(repository), name: repository }
  const folder = await openContextFolder(context)
  try {
    return { bucket: await openBucket(folder.place), name: folder.place }
  } finally {
    folder.close()
  }
}

export interface FoundPlace {
  readonly logged: LoggedSnapshot
  readonly path: Name
  readonly entry: Entry
}

/** What `SNAPSHOT[:PATH]` names. Rejects `missing` when the snapshot has no such path. */
export async function findPlace(place: Place, text: string): Promise<FoundPlace> {
  const { snapshot, path } = splitSnapshotPath(text)
  const logged = await place.snapshot(snapshot)
  return findIn(place, logged, path ?? '/')
}

/** The entry at a path as the user wrote it: literally, or as displayName shows it. */
export async function findIn(place: Place, logged: LoggedSnapshot, path: string): Promise<FoundPlace> {
  const { root } = logged.snapshot
  // Not for `log`, which looks into no tree.
  const { lookUp } = await import('../tree/directory.ts')
  for (const text of [path, fromDisplayed(path)]) {
    if (text === undefined) continue
    const name = place.pathIn(text, logged)
    const entry = await lookUp(place.store, root, name, { signal: place.signal })
    if (entry !== undefined) return { logged, path: name, entry }
  }
  const shown = displayName(place.pathIn(path, logged))
  throw new TidemarkError('missing', `the snapshot has no ${shown} (tidemark find looks in all of them)`)
}
