import { mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { corrupt, fromSystem, systemCode, TidemarkError } from '../../errors.ts'
import type { SigningKey } from '../../hash/ed25519.ts'
import {
  aggregate,
  encodeHead,
  intervalsOf,
  nameOfHead,
  nameOfPrincipalLink,
  ownDirectory,
  parseHead,
  update,
  type AggregateOptions,
  type Change,
  type Head,
  type IndexDigest,
  type Interval,
  type Producer,
  type Recentfile,
} from '../../recent/index.ts'
import { syncDirectory } from '../../store/durable.ts'
import { systemProducer } from './clock.ts'
import { DiskShelf } from './disk-shelf.ts'
import { replaceFile } from './durable-file.ts'
import { findIndex, type FoundIndex } from './find-index.ts'
import { defaultPatience, IndexLock } from './index-lock.ts'
import { openKey } from './key-file.ts'

export interface WriterOptions {
  readonly producer?: Producer | undefined
  /** Milliseconds to wait for a lock. */
  readonly patienceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a head says beyond the index files. */
export type HeadExtras = Pick<Head, 'tree' | 'sketch'>

/**
 * Writes the index of one tree, under the locks that the Perl programs know: first the index files, then the link
 * to the principal, then the head. What others wrote meanwhile is always read first.
 */
export class IndexWriter {
  readonly directory: string
  readonly shelf: DiskShelf
  readonly principal: Interval
  readonly #key: SigningKey
  readonly #producer: Producer
  readonly #options: WriterOptions

  constructor({ directory, root, interval, suffix }: FoundIndex, options: WriterOptions = {}) {
    this.directory = directory
    this.shelf = new DiskShelf(directory, root, suffix)
    this.principal = interval
    this.#options = options
    this.#producer = options.producer ?? systemProducer
    mkdirOwn(directory)
    this.#key = openKey(directory)
  }

  /** The writer of an index that is there (see `findIndex`); throws `missing`. */
  static open(path: string, options: WriterOptions = {}): IndexWriter {
    const found = findIndex(path)
    if (found === undefined) throw new TidemarkError('missing', `${path} has no index: publish it first`)
    return new IndexWriter(found, options)
  }

  /** Runs `work` while nobody else writes the principal. */
  async locked<T>(work: () => Promise<T> | T): Promise<T> {
    const lock = await this.#lock(this.principal)
    try {
      return await work()
    } finally {
      lock.release()
    }
  }

  /** The principal as it is on disk. */
  read(): Recentfile {
    const file = this.shelf.read(this.principal)
    if (file === undefined) throw new TidemarkError('missing', `${this.shelf.path(this.principal)} is gone`)
    return file
  }

  /** All index files that there are, from the principal up. */
  intervals(): Interval[] {
    return intervalsOf(this.read()).filter((interval) => this.shelf.writtenAt(interval) !== undefined)
  }

  now(): string {
    return this.#producer.now()
  }

  /** To be called under the lock; the head is still to be written. */
  update(changes: readonly Change[]): Recentfile {
    const file = update(this.read(), changes, this.#producer)
    this.shelf.write(file)
    this.link()
    return file
  }

  /** The same: under the lock of the principal. Takes those of the longer files besides. */
  async aggregate(options: AggregateOptions = {}): Promise<Set<Interval>> {
    const locks: IndexLock[] = []
    try {
      for (const interval of intervalsOf(this.read()).slice(1)) locks.push(await this.#lock(interval))
      return aggregate(this.principal, this.shelf, this.#producer, options)
    } finally {
      for (const lock of locks) lock.release()
    }
  }

  /** Says what the index files are now. Its sequence number is greater than any before. */
  async writeHead(extras: HeadExtras | ((sequence: number) => HeadExtras) = {}): Promise<Head> {
    const sequence = Math.max((this.#readHead()?.sequence ?? 0) + 1, Date.now())
    const indexes = this.#digests()
    const more = typeof extras === 'function' ? extras(sequence) : extras
    const head = { sequence, written: this.#producer.now(), indexes, ...more }
    replaceFile(join(this.directory, nameOfHead(this.shelf.root)), [encodeHead(head, this.#key)])
    await syncDirectory(this.directory)
    return head
  }

  /** False when the head does not say what the files are, as after a writer that was killed or knows of no heads. */
  isHeadCurrent(tree: NonNullable<Head['tree']>): boolean {
    const head = this.#readHead()
    if (head?.tree === undefined || head.tree.count !== tree.count || head.tree.root !== tree.root)
      return false
    const told = JSON.stringify(head.indexes)
    return told === JSON.stringify(this.#digests())
  }

  #digests(): IndexDigest[] {
    return intervalsOf(this.read())
      .map((interval) => this.shelf.digest(interval))
      .filter((digest) => digest !== undefined)
  }

  /** Lets RECENT.recent lead to the principal. */
  link(): void {
    const name = this.shelf.name(this.principal)
    const link = join(this.directory, nameOfPrincipalLink(this.shelf.root))
    try {
      if (targetOf(link) === name) return
      const unfinished = `${link}.${process.pid}`
      rmSync(unfinished, { force: true })
      symlinkSync(name, unfinished)
      renameSync(unfinished, link)
    } catch (error) {
      throw fromSystem(error, `make ${link}`)
    }
  }

  #lock(interval: Interval): Promise<IndexLock> {
    const { patienceMs = defaultPatience, signal } = this.#options
    return IndexLock.take(this.shelf.path(interval), patienceMs, signal)
  }

  /** Undefined when there is none, or one that nobody can read. */
  #readHead(): Head | undefined {
    const path = join(this.directory, nameOfHead(this.shelf.root))
    try {
      return parseHead(readFileSync(path))
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || error instanceof TidemarkError) return undefined
      throw fromSystem(error, `read ${path}`)
    }
  }
}

function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    // A plain file, as there is where links are not supported: it is replaced.
    if (systemCode(error) === 'EINVAL') return undefined
    throw error
  }
}

function mkdirOwn(directory: string): void {
  const path = join(directory, ownDirectory)
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw corrupt(path, 'it is no directory')
    throw fromSystem(error, `make ${path}`)
  }
}
