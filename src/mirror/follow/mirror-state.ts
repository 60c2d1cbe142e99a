import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { nameFromBytes, nameToBytes, type Name } from '../../bytes/name.ts'
import { fromSystem, isTidemarkError, TidemarkError } from '../../errors.ts'
import { sqlite } from '../../store/sqlite.ts'

const schema = 1

/**
 * item: one row for every path that an index has told of and that is not settled as deleted.
 *   detail   what its newest event says of it; '' when the event has none
 *   have     the detail of what was put in its place here; '' where there was none; NULL: nothing is ours
 *   hash     SHA-256 of that content, to find it by
 *   round    the last full reading of all indexes that listed it
 *   tier     the index that wants something done about it; NULL: settled
 *   due      0: to be done; else it was set aside, until then (milliseconds since 1970)
 * tier: what is known of our copy of each index, the principal first.
 */
const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE tier (position INTEGER PRIMARY KEY, copy TEXT NOT NULL) STRICT;
  CREATE TABLE item (
    path BLOB PRIMARY KEY, epoch TEXT NOT NULL, gone INTEGER NOT NULL, detail TEXT NOT NULL, have TEXT, hash BLOB,
    round INTEGER NOT NULL, tier INTEGER, rank INTEGER NOT NULL, tries INTEGER NOT NULL, due INTEGER NOT NULL,
    reason TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX work ON item (gone, due, tier, rank) WHERE tier IS NOT NULL;
  CREATE INDEX content ON item (hash) WHERE hash IS NOT NULL;
  CREATE INDEX kept ON item (gone) WHERE gone = 1;
  CREATE TABLE touched (path BLOB PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${schema};
`

/** What is remembered of an item. */
export interface Item {
  readonly path: Name
  readonly epoch: string
  readonly gone: boolean
  readonly detail: string
  readonly have: string | undefined
  readonly round: number
  readonly tries: number
}

/** What an event makes of an item. */
export interface Told {
  readonly path: Name
  readonly epoch: string
  readonly gone: boolean
  readonly detail: string
  readonly round: number
  readonly tier: number | undefined
  readonly rank: number
}

/** An item that was set aside. */
export interface Aside {
  readonly path: Name
  readonly reason: string
  readonly tries: number
  readonly due: number
}

export interface Counts {
  /** Items that are in their places. */
  readonly items: number
  /** Contents and deletes that are to be done. */
  readonly wanted: number
  readonly deletes: number
  readonly aside: number
}

/**
 * A mirror's memory, in `DIR/.tidemark/mirror.db`: so that its own memory stays small however large the tree,
 * and so that one that was killed goes on where it was. Lost, it costs a comparison of everything.
 */
export class MirrorState {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Opens or makes the state in the file `path`; with `readOnly` rejects `missing` when there is none. */
  static open(path: string, { readOnly = false }: { readonly readOnly?: boolean } = {}): MirrorState {
    try {
      const database = new (sqlite().DatabaseSync)(path, { timeout: 5000, readOnly })
      try {
        const version = database.prepare('PRAGMA user_version').get()?.['user_version']
        if (!readOnly) {
          database.exec(
            'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; ' +
              // Pages that are written again and again reach the disk seldom.
              'PRAGMA wal_autocheckpoint = 10000; PRAGMA journal_size_limit = 67108864',
          )
          if (version === 0) database.exec(`BEGIN IMMEDIATE; ${tables} COMMIT`)
        }
        if (version !== schema && (version !== 0 || readOnly)) {
          throw new TidemarkError('unsupported', `${path} was written by another version of Tidemark`)
        }
        return new MirrorState(database)
      } catch (error) {
        database.close()
        throw error
      }
    } catch (error) {
      if (isTidemarkError(error)) throw error
      throw fromSystem(error, `open ${path}`)
    }
  }

  close(): void {
    this.#database.close()
  }

  /** Runs `work` as one step: all of it is remembered, or nothing. */
  step<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  get(key: string): string | undefined {
    const value = this.#run('SELECT value FROM meta WHERE key = ?').get(key)?.['value']
    return typeof value === 'string' ? value : undefined
  }

  set(key: string, value: string | undefined): void {
    if (value === undefined) this.#run('DELETE FROM meta WHERE key = ?').run(key)
    else this.#run('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(key, value)
  }

  /** What was noted of the index at `position`, as JSON. */
  tier(position: number): string | undefined {
    return this.#run('SELECT copy FROM tier WHERE position = ?').get(position)?.['copy'] as string | undefined
  }

  setTier(position: number, copy: string): void {
    this.#run('INSERT OR REPLACE INTO tier VALUES (?, ?)').run(position, copy)
  }

  /** Forgets the indexes from `position` on: there are no more. */
  dropTiers(position: number): void {
    this.#run('DELETE FROM tier WHERE position >= ?').run(position)
  }

  find(path: Name): Item | undefined {
    const row = this.#run(`SELECT ${fieldsButPath} FROM item WHERE path = ?`).get(keyOf(path))
    return row === undefined ? undefined : itemOf(row, path)
  }

  /** Notes what an event says. What is in the path's place here stays known. */
  tell({ path, epoch, gone, detail, round, tier, rank }: Told): void {
    this.#run(
      `INSERT INTO item VALUES (?1, ?2, ?3, ?4, NULL, NULL, ?5, ?6, ?7, 0, 0, NULL)
       ON CONFLICT (path) DO UPDATE SET epoch = ?2, gone = ?3, detail = ?4, round = ?5, tier = ?6, rank = ?7,
         tries = 0, due = 0, reason = NULL`,
    ).run(keyOf(path), epoch, gone ? 1 : 0, detail, round, tier ?? null, rank)
  }

  /** Notes that the full reading `round` lists the path, about which nothing is new. */
  see(path: Name, round: number): void {
    this.#run('UPDATE item SET round = ? WHERE path = ?').run(round, keyOf(path))
  }

  /** Items whose content is to be brought through the indexes up to `tier`, newest first. */
  wanted(tier: number, limit: number): Item[] {
    return this.#run(
      `SELECT ${fields} FROM item WHERE tier IS NOT NULL AND gone = 0 AND due = 0 AND tier <= ? ORDER BY tier, rank LIMIT ?`,
    )
      .all(tier, limit)
      .map((row) => itemOf(row))
  }

  /** The paths of all that an index wants something done about. */
  *unsettled(): Generator<Name> {
    const rows = this.#run('SELECT path FROM item WHERE tier IS NOT NULL AND gone IN (0, 1)').iterate()
    for (const row of rows) yield nameFromBytes(row['path'] as Uint8Array)
  }

  /** Items to be deleted through the indexes up to `tier`. */
  deletes(tier: number, limit: number): Item[] {
    return this.#run(
      `SELECT ${fields} FROM item WHERE tier IS NOT NULL AND gone = 1 AND due = 0 AND tier <= ? ORDER BY tier, rank LIMIT ?`,
    )
      .all(tier, limit)
      .map((row) => itemOf(row))
  }

  /** Other items here with a content. */
  withContent(hash: string, limit: number): Item[] {
    return this.#run(`SELECT ${fields} FROM item WHERE hash = ? LIMIT ?`)
      .all(hashBytes(hash), limit)
      .map((row) => itemOf(row))
  }

  /** The item is in its place, as `have` says. */
  settle(path: Name, have: string, hash: string | undefined): void {
    this.#run(
      'UPDATE item SET have = ?2, hash = ?3, tier = NULL, tries = 0, due = 0, reason = NULL WHERE path = ?1',
    ).run(keyOf(path), have, hash === undefined ? null : hashBytes(hash))
  }

  /** The item is deleted: nothing more is to be known of it. */
  forget(path: Name): void {
    this.#run('DELETE FROM item WHERE path = ?').run(keyOf(path))
  }

  /** The item stays here although it is deleted at the origin. */
  keep(path: Name): void {
    this.#run('UPDATE item SET tier = NULL WHERE path = ?').run(keyOf(path))
  }

  /** Deletes that were left undone are to be done after all; returns how many. */
  unkeep(): number {
    const { changes } = this.#run('UPDATE item SET tier = 0, due = 0 WHERE gone = 1 AND tier IS NULL').run()
    return Number(changes)
  }

  setAside(path: Name, reason: string, due: number): void {
    this.#run('UPDATE item SET tries = tries + 1, due = ?2, reason = ?3 WHERE path = ?1').run(
      keyOf(path),
      due,
      reason.slice(0, 500),
    )
  }

  /** Whether what was put in the path's place is to be brought again: it was found to be something else. */
  want(path: Name, tier: number, rank: number): void {
    this.#run('UPDATE item SET have = NULL, hash = NULL, tier = ?2, rank = ?3, due = 0 WHERE path = ?1').run(
      keyOf(path),
      tier,
      rank,
    )
  }

  /** The path is not listed any more. */
  retire(path: Name, rank: number): void {
    this.#run(
      'UPDATE item SET gone = 1, detail = ?2, tier = 0, rank = ?3, due = 0, tries = 0, reason = NULL WHERE path = ?1',
    ).run(keyOf(path), '', rank)
  }

  /** Takes up at once what was set aside. */
  retry(path: Name): void {
    this.#run('UPDATE item SET due = 0 WHERE path = ?').run(keyOf(path))
  }

  /** Takes up again what was set aside until `now`; returns how many. */
  takeUp(now: number): number {
    let taken = 0
    for (const gone of [0, 1]) {
      const { changes } = this.#run(
        'UPDATE item SET due = 0 WHERE tier IS NOT NULL AND gone = ? AND due > 0 AND due <= ?',
      ).run(gone, now)
      taken += Number(changes)
    }
    return taken
  }

  /** When the next of what was set aside is due; undefined when nothing was. */
  nextDue(): number | undefined {
    const due = [0, 1].map((gone) =>
      Number(
        this.#run('SELECT min(due) AS due FROM item WHERE tier IS NOT NULL AND gone = ? AND due > 0').get(
          gone,
        )?.['due'] ?? Infinity,
      ),
    )
    const first = Math.min(...due)
    return first === Infinity ? undefined : first
  }

  /** What was set aside, the most often tried first. */
  asides(limit: number): Aside[] {
    return this.#run(
      `SELECT path, reason, tries, due FROM item WHERE tier IS NOT NULL AND gone IN (0, 1) AND due > 0
       ORDER BY tries DESC, path LIMIT ?`,
    )
      .all(limit)
      .map((row) => ({
        path: nameFromBytes(row['path'] as Uint8Array),
        reason: String(row['reason'] ?? ''),
        tries: Number(row['tries']),
        due: Number(row['due']),
      }))
  }

  /** After a full reading: what it did not list is gone. Returns how many. */
  sweep(round: number, tier: number, rank: number): number {
    this.#run('DELETE FROM item WHERE round < ? AND have IS NULL AND gone = 0').run(round)
    const { changes } = this.#run(
      `UPDATE item SET gone = 1, tier = ?2, rank = ?3, due = 0, tries = 0, reason = NULL
       WHERE round < ?1 AND gone = 0`,
    ).run(round, tier, rank)
    return Number(changes)
  }

  counts(): Counts {
    const pending = (where: string): number =>
      Number(this.#run(`SELECT count(*) AS n FROM item WHERE tier IS NOT NULL AND ${where}`).get()?.['n'])
    return {
      items: Number(this.get('items') ?? 0),
      wanted: pending('gone = 0 AND due = 0'),
      deletes: pending('gone = 1 AND due = 0'),
      aside: pending('gone IN (0, 1) AND due > 0'),
    }
  }

  /** How many contents are to be brought, at most `limit` counted. */
  pending(): number {
    const row = this.#run(
      'SELECT count(*) AS n FROM item WHERE tier IS NOT NULL AND gone = 0 AND due = 0',
    ).get()
    return Number(row?.['n'])
  }

  /** Counts the items in their places, which takes a look at all. */
  countItems(): number {
    const items = Number(this.#run('SELECT count(*) AS n FROM item WHERE gone = 0').get()?.['n'])
    this.set('items', String(items))
    return items
  }

  /** All items in the order of their paths, a few at a time: the state may change meanwhile. */
  *items(): Generator<Item> {
    let after: Uint8Array = new Uint8Array(0)
    for (;;) {
      const rows = this.#run(`SELECT ${fields} FROM item WHERE path > ? ORDER BY path LIMIT 1000`).all(after)
      yield* rows.map((row) => itemOf(row))
      const last = rows.at(-1)
      if (last === undefined) return
      after = last['path'] as Uint8Array
    }
  }

  /** Notes that `path` has changed here, for those who keep copies of the tree. */
  touch(path: Name, number: number): void {
    this.#run('INSERT OR REPLACE INTO touched VALUES (?, ?)').run(keyOf(path), number)
  }

  /** The paths that have changed since `number`, in order. */
  *touched(number: number): Generator<Name> {
    let after: Uint8Array = new Uint8Array(0)
    for (;;) {
      const rows = this.#run(
        'SELECT path FROM touched WHERE path > ? AND number > ? ORDER BY path LIMIT 1000',
      ).all(after, number)
      for (const row of rows) yield nameFromBytes(row['path'] as Uint8Array)
      const last = rows.at(-1)
      if (last === undefined) return
      after = last['path'] as Uint8Array
    }
  }

  untouch(number: number): void {
    this.#run('DELETE FROM touched WHERE number <= ?').run(number)
  }

  #run(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

const fieldsButPath = 'epoch, gone, detail, have, round, tries'
const fields = `path, ${fieldsButPath}`

/** Of text that was checked already. */
function hashBytes(text: string): Uint8Array {
  return Buffer.from(text, 'base64url')
}

const encoder = new TextEncoder()
/** Of three bytes for each character of the longest path: the database copies what it is given. */
const scratch = new Uint8Array(3 * 4096)

/** The bytes of a path, for the next call only: a buffer of its own for each would be the most that a mirror allocates. */
function keyOf(path: Name): Uint8Array {
  if (3 * path.length > scratch.length || !path.isWellFormed()) return nameToBytes(path)
  return scratch.subarray(0, encoder.encodeInto(path, scratch).written)
}

function itemOf(row: Readonly<Record<string, SQLInputValue>>, path?: Name): Item {
  return {
    path: path ?? nameFromBytes(row['path'] as Uint8Array),
    epoch: row['epoch'] as string,
    gone: row['gone'] === 1,
    detail: row['detail'] as string,
    have: (row['have'] as string | null) ?? undefined,
    round: Number(row['round']),
    tries: Number(row['tries']),
  }
}
