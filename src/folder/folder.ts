import { randomBytes } from 'node:crypto'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { equalBytes } from '../bytes/compare.ts'
import { fromSystem, isTidemarkError, TidemarkError } from '../errors.ts'
import { idFromHex, idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import { DirectoryBucket } from '../store/directory-bucket.ts'
import { openBucket } from '../store/open-bucket.ts'
import { Repository } from '../store/repository/repository.ts'
import { decodeHeld, encodeHeld, heldName, heldWhole, type Held } from './held.ts'
import { ownDirectory } from './own-directory.ts'
import { decodeSettings, encodeSettings, settingsName } from './settings.ts'
import type { FolderSettings } from './settings.ts'
import { FolderState } from './state.ts'
import { noteDevice, notedDevice } from './whereabouts.ts'

export interface InitOptions {
  /** Where to keep the history; inside the folder, in `.tidemark/repository`, when not given. */
  readonly repository?: string | undefined
  readonly history?: FolderSettings['history'] | undefined
  /** Names the folder, when it is a further copy of one that has a name; else a new name is drawn. */
  readonly folder?: string | undefined
}

const stateName = 'state.sqlite'
const headName = 'head'
const pendingName = 'pending'

/** A directory whose history is kept. Close it when done. */
export class Folder {
  /** Its real path. */
  readonly root: string
  readonly settings: FolderSettings
  readonly #inode: string
  readonly #openBucket: typeof openBucket
  /** Its own directory, for small notes. */
  readonly #own: DirectoryBucket
  #repository: Promise<Repository> | undefined
  #state: FolderState | undefined

  private constructor(root: string, settings: FolderSettings, open: typeof openBucket) {
    this.root = root
    this.settings = settings
    this.#openBucket = open
    this.#own = new DirectoryBucket(join(root, ownDirectory))
    this.#inode = inodeOf(root)
  }

  /**
   * Opens the folder whose root is `root`. Rejects `missing` when its history is not kept. `open` gives the
   * bucket of its repository.
   */
  static async open(root: string, open: typeof openBucket = openBucket): Promise<Folder> {
    try {
      const own = new DirectoryBucket(join(root, ownDirectory))
      return new Folder(realpathSync(root), decodeSettings(await own.get(settingsName)), open)
    } catch (error) {
      if (isTidemarkError(error, 'corrupt')) {
        const advice = `move it away and run tidemark init ${root}: it takes up the history that is there`
        throw new TidemarkError('corrupt', `${join(root, ownDirectory)}/${error.message} (${advice})`, {
          cause: error,
        })
      }
      if (!isTidemarkError(error, 'missing')) throw fromSystem(error, `open ${root}`)
      throw new TidemarkError('missing', `${root}: its history is not kept (run: tidemark init ${root})`)
    }
  }

  /** Where the repository is: an absolute path, or a URL. */
  get place(): string {
    const { repository } = this.settings
    return isUrl(repository) ? repository : resolve(this.root, ownDirectory, repository)
  }

  /** The repository, opened when first asked for. */
  repository(): Promise<Repository> {
    this.#repository ??= this.#openBucket(this.place)
      .then((bucket) => Repository.open(bucket))
      .catch((error: unknown) => {
        this.#repository = undefined
        throw isTidemarkError(error)
          ? new TidemarkError(error.code, `${this.place}: ${error.message}${movedHint(error)}`, {
              cause: error,
            })
          : error
      })
    return this.#repository
  }

  /** What is remembered of the working files. */
  state(): FolderState {
    this.#state ??= FolderState.open(this.#statePath)
    return this.#state
  }

  /**
   * The snapshot that was noted last as the newest of this copy, though another copy made it; undefined when there
   * is none. It need not be there: it is noted before it is published.
   */
  notedHead(): Promise<Id | undefined> {
    return this.#noted(headName)
  }

  /** Durable once resolved. */
  noteHead(id: Id): Promise<void> {
    return this.#note(headName, id)
  }

  /** What `notePending` has noted; undefined when it is done. */
  async pendingNote(): Promise<Uint8Array | undefined> {
    try {
      return await this.#own.get(pendingName)
    } catch (error) {
      if (isTidemarkError(error, 'missing')) return undefined
      throw error
    }
  }

  /**
   * Notes what this copy sets out to do; undefined: it is done. Durable once resolved; one that is `fleeting` outlives the
   * process, and may be lost in a power cut.
   */
  notePending(note: Uint8Array | undefined, options: { readonly fleeting?: boolean } = {}): Promise<void> {
    // One that comes back after a power cut is seen to be done.
    return note === undefined
      ? this.#own.delete(pendingName, { fleeting: true })
      : this.#own.put(pendingName, note, options)
  }

  async #noted(name: string): Promise<Id | undefined> {
    try {
      return idFromHex(new TextDecoder().decode(await this.#own.get(name)).trim())
    } catch (error) {
      if (isTidemarkError(error, 'missing')) return undefined
      throw error
    }
  }

  #note(name: string, id: Id): Promise<void> {
    return this.#own.put(name, new TextEncoder().encode(`${idToHex(id)}\n`))
  }

  /**
   * What of the folder is here, when it is shared with other copies; undefined when it is not: then what is left out
   * of it is not in its snapshots either.
   */
  async held(): Promise<Held | undefined> {
    try {
      return decodeHeld(await this.#own.get(heldName))
    } catch (error) {
      if (isTidemarkError(error, 'missing')) return undefined
      if (!isTidemarkError(error, 'corrupt')) throw error
      const advice = 'bring it back, or move it away: then what could not be made here counts as deleted'
      throw new TidemarkError('corrupt', `${join(this.root, ownDirectory)}/${error.message} (${advice})`, {
        cause: error,
      })
    }
  }

  /** Notes that the folder is shared, and what of it is here, unless it says so already. Durable once resolved. */
  async noteHeld(held: Partial<Held>): Promise<void> {
    const noted = await this.held()
    const bytes = encodeHeld({ ...heldWhole, ...noted, ...held })
    if (noted === undefined || !equalBytes(encodeHeld(noted), bytes)) await this.#own.put(heldName, bytes)
  }

  /** Begins its records anew: they are damaged, and only save work. */
  renewState(): FolderState {
    this.#state?.close()
    this.#state = undefined
    FolderState.remove(this.#statePath)
    return this.state()
  }

  get #statePath(): string {
    return join(this.root, ownDirectory, stateName)
  }

  /** Paths inside the folder that are not part of it. */
  get excluded(): ReadonlySet<string> {
    const inside = !isUrl(this.place) && !relative(this.root, this.place).startsWith('..')
    return new Set(inside ? [this.place] : [])
  }

  /**
   * Rejects `unavailable` when the directory is not the one that was opened: an unmounted disk leaves an
   * empty mount point behind, which must not be taken for a folder from which everything was deleted.
   */
  checkPresent(): void {
    let problem
    try {
      if (inodeOf(this.root) !== this.#inode) problem = 'another directory has taken its place'
      else if (!existsSync(join(this.root, ownDirectory, settingsName)))
        problem = `it has lost its ${ownDirectory}`
    } catch {
      problem = 'it is gone'
    }
    if (problem)
      throw new TidemarkError('unavailable', `${this.root}: ${problem} (is its disk still mounted?)`)
  }

  close(): void {
    this.#state?.close()
    this.#state = undefined
    void this.#repository?.then((repository) => repository.close())
    this.#repository = undefined
  }
}

function movedHint(error: TidemarkError): string {
  return error.code === 'missing' ? ' (if it has moved: tidemark init --repository, with its new place)' : ''
}

/**
 * Begins to keep the history of `directory`, which must exist. When its repository holds a history of it
 * already (its `folder.json` was lost), that goes on. When it is kept already, at a place where no repository is
 * any more, and `repository` is where that has moved, the folder is told so; else rejects `exists`.
 */
export async function initFolder(directory: string, options: InitOptions = {}): Promise<Folder> {
  const root = realDirectory(directory)
  const own = new DirectoryBucket(join(root, ownDirectory))
  if (existsSync(join(root, ownDirectory, settingsName))) return moveRepository(root, own, options)
  const place = options.repository ?? 'repository'
  const chosen = options.repository === undefined ? place : settledPlace(root, place)
  const bucket = await openBucket(isUrl(chosen) ? chosen : resolve(root, ownDirectory, chosen))
  const repository = await openOrCreate(bucket)
  const former = options.repository === undefined ? await newestOf(repository) : undefined
  repository.close()
  const was = await notedDevice(root)
  const settings: FolderSettings = {
    format: 'tidemark folder',
    version: 1,
    folder: options.folder ?? former?.folder ?? randomId(),
    // One that has never been here is that of the copy from which this one was made.
    device: was.device ?? (was.noted ? undefined : former?.device) ?? randomId(),
    repository: chosen,
    history: options.history ?? (former?.contents === false ? 'none' : 'kept'),
  }
  if (options.folder !== undefined && former !== undefined && former.folder !== options.folder)
    FolderState.remove(join(root, ownDirectory, stateName))
  await own.put(settingsName, encodeSettings(settings))
  await noteDevice(root, settings.device)
  return Folder.open(root)
}

/**
 * Makes sure that no other copy has this one's device id: gives it a new one when the folder was copied together
 * with its bookkeeping. Resolves with the folder as it is to be used then; `folder` is closed if that is another.
 */
export async function settleDevice(folder: Folder): Promise<Folder> {
  const { root, settings } = folder
  const { device, noted } = await notedDevice(root)
  if (device === settings.device) return folder
  // One that was made before there were notes.
  if (!noted) {
    await noteDevice(root, settings.device)
    return folder
  }
  return renewDevice(folder, device)
}

/** Gives the copy `folder` another device id: a new one, or one that is known to be its own. Closes `folder`. */
export async function renewDevice(folder: Folder, device: string = randomId()): Promise<Folder> {
  const { root, settings } = folder
  folder.close()
  // In this order: killed in between, the notes tell of it.
  await noteDevice(root, device)
  await changeSettings(root, { ...settings, device })
  return Folder.open(root)
}

/**
 * Makes `folder` a copy of the folder named `id`: it has nothing in common with what it was. Its snapshots stay in
 * its repository, under the name that it had. Closes `folder`.
 */
export async function renameFolder(folder: Folder, id: string): Promise<Folder> {
  const { root, settings } = folder
  folder.close()
  // What is remembered of the files belongs to a snapshot of the other.
  FolderState.remove(join(root, ownDirectory, stateName))
  const device = randomId()
  await noteDevice(root, device)
  await changeSettings(root, { ...settings, folder: id, device })
  return Folder.open(root)
}

function changeSettings(root: string, settings: FolderSettings): Promise<void> {
  return new DirectoryBucket(join(root, ownDirectory)).put(settingsName, encodeSettings(settings))
}

function randomId(): string {
  return randomBytes(16).toString('hex')
}

async function moveRepository(root: string, own: DirectoryBucket, options: InitOptions): Promise<Folder> {
  const kept = `${root}: its history is kept already (see: tidemark status)`
  if (options.repository === undefined) throw new TidemarkError('exists', kept)
  const folder = await Folder.open(root)
  folder.close()
  if (await isRepository(folder.place))
    throw new TidemarkError('exists', `${root}: its history is kept already, in ${folder.place}`)
  const place = isUrl(options.repository) ? options.repository : resolve(options.repository)
  const repository = await Repository.open(await openBucket(place))
  try {
    if ((await newestOf(repository, folder.settings.folder)) === undefined)
      throw new TidemarkError('missing', `${place}: there is no history of ${root} in it`)
  } finally {
    repository.close()
  }
  const settings = { ...folder.settings, repository: settledPlace(root, place) }
  await own.put(settingsName, encodeSettings(settings))
  return Folder.open(root)
}

/** A place as settings have it: inside the folder relative, so that both may be moved together. */
function settledPlace(root: string, place: string): string {
  if (isUrl(place)) return place
  const path = resolve(place)
  return relative(root, path).startsWith('..') ? path : relative(join(root, ownDirectory), path)
}

async function isRepository(place: string): Promise<boolean> {
  try {
    const repository = await Repository.open(await openBucket(place))
    repository.close()
    return true
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return false
    throw error
  }
}

/** The newest snapshot in a repository, of one folder or of any; undefined when there is none that can be read. */
async function newestOf(repository: Repository, folder?: string): Promise<Snapshot | undefined> {
  let newest: Snapshot | undefined
  for (const id of await repository.snapshots.list()) {
    try {
      const snapshot = await repository.snapshots.read(id)
      if (folder !== undefined && snapshot.folder !== folder) continue
      if (newest === undefined || snapshot.time > newest.time) newest = snapshot
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt', 'missing', 'unsupported')) throw error
    }
  }
  return newest
}

/** Opens the folder that `path` is in: its history may be kept from any directory above. */
export async function openFolder(path: string): Promise<Folder> {
  const start = realDirectory(path)
  for (let at = start; ; at = dirname(at)) {
    if (existsSync(join(at, ownDirectory, settingsName))) return Folder.open(at)
    if (dirname(at) === at) break
  }
  throw new TidemarkError('missing', `${start}: no history is kept here (to begin: tidemark init ${start})`)
}

async function openOrCreate(bucket: Awaited<ReturnType<typeof openBucket>>): Promise<Repository> {
  try {
    return await Repository.open(bucket)
  } catch (error) {
    if (!isTidemarkError(error, 'missing')) throw error
    return Repository.create(bucket)
  }
}

function realDirectory(path: string): string {
  try {
    const real = realpathSync(path)
    if (statSync(real).isDirectory()) return real
  } catch (error) {
    throw fromSystem(error, `open ${path}`)
  }
  throw new TidemarkError('usage', `${path}: not a directory`)
}

function isUrl(place: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(place)
}

function inodeOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true })
  return `${dev}:${ino}`
}
