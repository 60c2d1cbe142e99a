import { existsSync, rmSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { nameFromBytes, nameToBytes } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import { idFromBytes, idToBytes } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import { fromDatabase, isBusyDatabase, isDamagedDatabase, isRefusedByDisk } from '../store/database-error.ts'
import { readDatabase, sqlite } from '../store/sqlite.ts'

/** A leaf of a directory as it was last seen, with what tells whether its files have changed since. */
export interface StateLeaf {
  readonly first: Name
  readonly id: Id
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Inode number and ctime of each entry, in order. A ctime of 0 means: look at the file again. */
  readonly stats: BigInt64Array<ArrayBuffer>
}

const schema = 1
const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB) STRICT;
  CREATE TABLE leaves (
    directory BLOB NOT NULL, first BLOB NOT NULL, id BLOB NOT NULL, bytes BLOB NOT NULL, stats BLOB NOT NULL
  ) STRICT;
  CREATE TABLE seen (id BLOB PRIMARY KEY) STRICT;
  CREATE UNIQUE INDEX leaf ON leaves (directory, first);
  PRAGMA user_version = ${schema};
`
/** Leaves fetched at a time. */
const pageSize = 16

/**
 * What is remembered of the working files between snapshots, so that unchanged ones need not be read: the
 * leaves of the last snapshot's trees, by directory. It is a cache: when it is lost or damaged everything is
 * read once more. A transaction on it is also the lock under which snapshots of a folder are taken one at a
 * time; the system gives it back when a process dies.
 */
export class FolderState {
  readonly #database: DatabaseSync
  readonly #path: string
  /** Why nothing can be written. */
  readonly #refusal: TidemarkError | undefined
  readonly #statements = new Map<string, Statement>()

  private constructor(database: DatabaseSync, path: string, refusal?: TidemarkError) {
    this.#database = database
    this.#path = path
    this.#refusal = refusal
  }

  /**
   * Opens the state kept in the file `path`, making it anew when it is missing, damaged, or of another version. Where the
   * disk does not let it be written it can be read, as far as it is there; then `begin` rejects with the reason.
   */
  static open(path: string): FolderState {
    try {
      try {
        return FolderState.#open(path)
      } catch (error) {
        if (!isDamagedDatabase(error)) throw error
        FolderState.remove(path)
        return FolderState.#open(path)
      }
    } catch (error) {
      const refusal = stateError(error, path)
      if (isRefusedByDisk(error) || refusal.code === 'denied') return FolderState.#openToRead(path, refusal)
      throw refusal
    }
  }

  static #openToRead(path: string, refusal: TidemarkError): FolderState {
    try {
      const database = readDatabase(path)
      if (versionOf(database) === schema) return new FolderState(database, path, refusal)
      database.close()
    } catch {
      // It is only a cache.
    }
    const empty = new (sqlite().DatabaseSync)(':memory:')
    empty.exec(tables)
    return new FolderState(empty, path, refusal)
  }

  /** Removes the file `path` and what goes with it. */
  static remove(path: string): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
  }

  static #open(path: string): FolderState {
    const fresh = !existsSync(path)
    const database = new (sqlite().DatabaseSync)(path, { timeout: 5000 })
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
      if (versionOf(database) !== schema) {
        database.exec('BEGIN IMMEDIATE')
        // Another process may have made the tables since the look above.
        if (versionOf(database) !== schema) {
          if (!fresh)
            database.exec('DROP TABLE IF EXISTS leaves; DROP TABLE IF EXISTS meta; DROP TABLE IF EXISTS seen')
          database.exec(tables)
        }
        database.exec('COMMIT')
      }
      return new FolderState(database, path)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** Begins to read: until `rollback` nothing that others write is seen. */
  beginReading(): void {
    this.#exec('BEGIN')
  }

  /** Begins a transaction; waits for another's up to `waitMs`, then rejects `busy`. */
  async begin(waitMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal
    this.#database.exec('PRAGMA busy_timeout = 0')
    for (let waited = 0; ; waited += 50) {
      try {
        this.#database.exec('BEGIN IMMEDIATE')
        return
      } catch (error) {
        if (!isBusyDatabase(error)) throw stateError(error, this.#path)
        if (waited >= waitMs) {
          throw new TidemarkError(
            'busy',
            'another process is taking a snapshot of this folder: try again later',
          )
        }
        await sleep(50, undefined, { signal })
      }
    }
  }

  commit(): void {
    this.#exec('COMMIT')
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#exec('ROLLBACK')
  }

  /** The snapshot that the leaves belong to; undefined when there is none. */
  get base(): Id | undefined {
    const value = this.#read('base')
    return value && idFromBytes(value, 0)
  }

  set base(id: Id) {
    this.#write('base', bytesOf(id))
  }

  /** Whether some file of the base has several names. */
  get linked(): boolean {
    return this.#read('linked')?.[0] === 1
  }

  set linked(value: boolean) {
    this.#write('linked', Uint8Array.of(value ? 1 : 0))
  }

  /** What the repository had told of chunks that were lost when the base was noted (see `lossNotes`). */
  get losses(): string {
    return new TextDecoder().decode(this.#read('losses'))
  }

  set losses(notes: string) {
    this.#write('losses', new TextEncoder().encode(notes))
  }

  #read(key: string): Uint8Array | undefined {
    const value = this.#prepare('SELECT value FROM meta WHERE key = ?').get(key)?.['value']
    return value instanceof Uint8Array ? value : undefined
  }

  #write(key: string, value: Uint8Array): void {
    this.#prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(key, value)
  }

  /** Those of `ids`, snapshots of the repository, that were not noted as seen before. */
  unseen(ids: readonly Id[]): Id[] {
    return ids.filter((id) => this.#prepare('SELECT 1 FROM seen WHERE id = ?').get(bytesOf(id)) === undefined)
  }

  /** Notes that a snapshot needs no further look. */
  see(id: Id): void {
    this.#prepare('INSERT OR IGNORE INTO seen VALUES (?)').run(bytesOf(id))
  }

  /** Forgets the working files, so that all are read again, and which snapshots were seen. */
  clear(): void {
    this.#exec('DELETE FROM leaves; DELETE FROM meta; DELETE FROM seen')
  }

  /** The leaves of a directory (its path from the root, empty for the root itself), in order. */
  *leaves(directory: Name): Generator<StateLeaf> {
    const key = keyOf(directory)
    const select =
      'SELECT first, id, bytes, stats FROM leaves WHERE directory = ? AND first > ? ORDER BY first LIMIT ?'
    // Before every name; an empty value would be stored as NULL.
    let after = new Uint8Array(1)
    for (;;) {
      const rows = this.#prepare(select).all(key, after, pageSize)
      for (const row of rows) yield decodeRow(row)
      if (rows.length < pageSize) return
      after = rows.at(-1)!['first'] as Uint8Array<ArrayBuffer>
    }
  }

  put(directory: Name, leaf: StateLeaf): void {
    const stats = new Uint8Array(leaf.stats.buffer, leaf.stats.byteOffset, leaf.stats.byteLength)
    this.#prepare('INSERT OR REPLACE INTO leaves VALUES (?, ?, ?, ?, ?)').run(
      keyOf(directory),
      nameToBytes(leaf.first),
      bytesOf(leaf.id),
      leaf.bytes,
      stats,
    )
  }

  delete(directory: Name, first: Name): void {
    this.#prepare('DELETE FROM leaves WHERE directory = ? AND first = ?').run(
      keyOf(directory),
      nameToBytes(first),
    )
  }

  /** Forgets a directory and all below it. */
  deleteBelow(directory: Name): void {
    // '0' is the byte after '/'.
    this.#prepare('DELETE FROM leaves WHERE directory = ? OR (directory > ? AND directory < ?)').run(
      keyOf(directory),
      keyOf(`${directory}/`),
      keyOf(`${directory}0`),
    )
  }

  /** What is remembered of a directory and all below it holds for the path `to` instead: it was moved there. */
  rename(from: Name, to: Name): void {
    this.deleteBelow(to)
    const select =
      'SELECT DISTINCT directory FROM leaves WHERE directory = ? OR (directory > ? AND directory < ?)'
    const rows = this.#prepare(select).all(keyOf(from), keyOf(`${from}/`), keyOf(`${from}0`))
    for (const row of rows) {
      const key = row['directory'] as Uint8Array<ArrayBuffer>
      const below = nameFromBytes(key.subarray(keyOf(from).length))
      this.#prepare('UPDATE leaves SET directory = ? WHERE directory = ?').run(keyOf(to + below), key)
    }
  }

  close(): void {
    this.#database.close()
  }

  #exec(sql: string): void {
    this.#guard(() => this.#database.exec(sql))
  }

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql)
    if (known) return known
    const prepared = this.#guard(() => this.#database.prepare(sql))
    const statement: Statement = {
      run: (...values) => void this.#guard(() => prepared.run(...values)),
      get: (...values) => this.#guard(() => prepared.get(...values)),
      all: (...values) => this.#guard(() => prepared.all(...values)),
    }
    this.#statements.set(sql, statement)
    return statement
  }

  #guard<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw stateError(error, this.#path)
    }
  }
}

/** A statement whose failures are told in our own words: a disk may be full, and the file may be damaged. */
interface Statement {
  run(...values: SQLInputValue[]): void
  get(...values: SQLInputValue[]): Record<string, SQLOutputValue> | undefined
  all(...values: SQLInputValue[]): Record<string, SQLOutputValue>[]
}

function bytesOf(id: Id): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(32)
  idToBytes(id, bytes, 0)
  return bytes
}

/** Directories are stored with a slash before them, so that the root has a key too. */
function keyOf(directory: Name): Uint8Array<ArrayBuffer> {
  return nameToBytes(`/${directory}`)
}

function decodeRow(row: Record<string, unknown>): StateLeaf {
  const stats = row['stats'] as Uint8Array<ArrayBuffer>
  return {
    first: nameFromBytes(row['first'] as Uint8Array),
    id: idFromBytes(row['id'] as Uint8Array, 0),
    bytes: row['bytes'] as Uint8Array<ArrayBuffer>,
    // Copied, because it may not lie on an eight-byte boundary.
    stats: new BigInt64Array(stats.slice().buffer),
  }
}

function versionOf(database: DatabaseSync): unknown {
  return database.prepare('PRAGMA user_version').get()?.['user_version']
}

function stateError(error: unknown, path: string): TidemarkError {
  return fromDatabase(error, `the folder's own records (${path})`, path)
}
