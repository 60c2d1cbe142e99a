import type { Name } from '../bytes/name.ts'
import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { Folder } from '../folder/folder.ts'
import type { WorkingCopyStore } from '../folder/working-copy-store.ts'
import { listSnapshots } from '../history/log.ts'
import type { LoggedSnapshot } from '../history/log.ts'
import { resolveSnapshot, shortId } from '../history/name-snapshot.ts'
import type { Id } from '../object/id.ts'
import type { Repository } from '../store/repository/repository.ts'
import type { Store } from '../store/store.ts'
import type { Context } from './context.ts'
import { areOfSeveralFolders, chooseFolder, severalFolders } from './folders-in-sight.ts'
import { sayDamaged, sayNotKept } from './say-missing.ts'
import { beginsId, countsBack, isLatest, namesOne } from './snapshot-name.ts'
import { toSnapshotPath } from './snapshot-path.ts'

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
      return await resolveSnapshot(snapshots, text, this.#now, this.folder?.settings.device)
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
