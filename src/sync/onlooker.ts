import { randomBytes } from 'node:crypto'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isTidemarkError, TidemarkError } from '../errors.ts'
import { Folder } from '../folder/folder.ts'
import { InlineIngest } from '../folder/ingest/inline-ingest.ts'
import type { ScanMemory } from '../folder/scan/scan.ts'
import { Scanner } from '../folder/scan/scanner.ts'
import { WorkingCopyStore } from '../folder/working-copy-store.ts'
import { currentTree } from '../history/status.ts'
import { nextClock } from '../object/clock.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import { idOf, type Id } from '../object/id.ts'
import { encodeSnapshot, type Snapshot } from '../object/snapshot.ts'
import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { MemoryStore } from '../store/memory-store.ts'
import type { Store } from '../store/store.ts'
import { version } from '../version.ts'
import { lastCommon } from './base.ts'
import type { Head } from './head.ts'
import { isFolder } from './introduce.ts'
import type { Advance, Receipt, Replica } from './replica.ts'

/** How many files wait before they are read. */
const filesAtOnce = 256

/**
 * A copy of a folder as it would take part in sync, for plans: nothing is written anywhere, neither to the directory
 * nor to its bookkeeping, and there need be neither. Its newest snapshot is what one taken now would be.
 */
export class Onlooker implements Replica {
  readonly folder: string
  readonly device: string
  readonly host: string = hostname()
  readonly store: Store
  readonly #head: Head
  readonly #opened: Folder | undefined
  readonly #working: WorkingCopyStore | undefined

  private constructor(
    head: Head,
    store: Store,
    opened: { readonly folder: Folder | undefined; readonly working: WorkingCopyStore | undefined },
  ) {
    this.#head = head
    this.folder = head.snapshot.folder
    this.device = head.snapshot.device
    this.#opened = opened.folder
    this.#working = opened.working
    this.store = opened.working === undefined ? store : new LayeredStore([store, opened.working])
  }

  /**
   * Looks at what is in `directory` now; nothing is, when it is not there. `id` names the folder when it is none yet.
   */
  static async open(directory: string, id: string, options: CallOptions = {}): Promise<Onlooker> {
    if (isFolder(directory)) return Onlooker.#ofFolder(await Folder.open(directory), options)
    const root = realOf(directory)
    const memory = new MemoryStore()
    const tree = root === undefined ? await emptyTree() : await scan(root, memory, options)
    const head = newHead(tree, id, randomBytes(16).toString('hex'), undefined)
    const working = root === undefined ? undefined : new WorkingCopyStore(root, memory, tree)
    return new Onlooker(head, memory, { folder: undefined, working })
  }

  static async #ofFolder(folder: Folder, options: CallOptions): Promise<Onlooker> {
    try {
      const { root, store, base, before } = await currentTree(folder, options)
      const { settings } = folder
      const working = new WorkingCopyStore(folder.root, store, root)
      const repository = await folder.repository()
      const last =
        base === undefined
          ? undefined
          : { id: base, snapshot: await repository.snapshots.read(base, options) }
      const isSame =
        last !== undefined && before?.content?.id === root.content?.id && last.snapshot.clock.length > 0
      const head = isSame ? last : newHead(root, settings.folder, settings.device, last)
      return new Onlooker(head, store, { folder, working })
    } catch (error) {
      folder.close()
      throw error
    }
  }

  capture(): Promise<Head> {
    return Promise.resolve(this.#head)
  }

  async snapshot(id: Id, options?: CallOptions): Promise<Head | undefined> {
    if (id === this.#head.id) return this.#head
    if (this.#opened === undefined) return undefined
    try {
      const snapshot = await (await this.#opened.repository()).snapshots.read(id, options)
      return snapshot.folder === this.folder ? { id, snapshot } : undefined
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'corrupt')) return undefined
      throw error
    }
  }

  bases(one: Head, other: Head, options?: CallOptions): Promise<readonly Head[]> {
    return lastCommon(one, other, { snapshot: (id) => this.snapshot(id, options) })
  }

  receive(): Promise<Receipt> {
    const taken = new MemoryStore()
    const both = new LayeredStore([taken, this.store])
    return Promise.resolve({
      keepsContents: true,
      get: (id: Id, options?: CallOptions) => both.get(id, options),
      has: (ids: readonly Id[], options?: CallOptions) => both.has(ids, options),
      putTree: (id: Id, bytes: Uint8Array) => taken.put(id, bytes.slice()),
      putContent: (id: Id, bytes: Uint8Array) => taken.put(id, bytes.slice()),
      advance: (): Promise<Advance> =>
        Promise.reject(new TidemarkError('denied', 'this is only looked at: nothing is changed')),
      close: () => Promise.resolve(),
    })
  }

  close(): void {
    this.#working?.close()
    this.#opened?.close()
  }
}

const nothing: ScanMemory = { leaves: () => [], put() {}, delete() {}, deleteBelow() {} }

async function scan(root: string, memory: MemoryStore, { signal }: CallOptions): Promise<DirectoryEntry> {
  const scanned = await new Scanner({
    root,
    before: undefined,
    memory: nothing,
    ingest: new InlineIngest(() => undefined, filesAtOnce, signal),
    put: (id, bytes) => memory.put(id, bytes),
    excluded: new Set(),
    onProblem: () => {},
    signal,
  }).run()
  return scanned.root
}

async function emptyTree(): Promise<DirectoryEntry> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-empty-'))
  try {
    return await scan(realpathSync(directory), new MemoryStore(), {})
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function realOf(directory: string): string | undefined {
  try {
    return realpathSync(directory)
  } catch {
    return undefined
  }
}

function newHead(root: DirectoryEntry, folder: string, device: string, last: Head | undefined): Head {
  const placed = last === undefined ? [] : [{ id: last.id, clock: last.snapshot.clock }]
  const snapshot: Snapshot = {
    folder,
    device,
    host: hostname(),
    path: '',
    time: Date.now(),
    parents: placed.map(({ id }) => id),
    clock: nextClock(placed, device),
    root,
    message: '',
    tags: [],
    unreadable: 0,
    unstable: 0,
    program: `tidemark ${version}`,
    contents: true,
  }
  return { id: idOf(encodeSnapshot(snapshot)), snapshot }
}
