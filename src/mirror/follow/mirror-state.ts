import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { nameFromBytes, nameToBytes, type Name } from '../../bytes/name.ts'
import { openStateDatabase } from './state-database.ts'

/** What is remembered of an item. */
export interface Item {
  readonly path: Name
  readonly epoch: string
  readonly gone: boolean
  readonly detail: string
  readonly have: string | undefined
  readonly round: number
  readonly tries: number
  /** What stands here was found not to be what was put there. */
  readonly lost: boolean
}

/** An item whose content is wanted. */
export interface Wish extends Item {
  /** Something here may have it. */
  readonly elsewhere: boolean
}

/** What an event makes of an item. */
export interface Told {
  readonly path: Name
  readonly epoch: string
  readonly gone: boolean
  readonly detail: string
  readonly round: number
  readonly tier: number
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
    return new MirrorState(openStateDatabase(path, readOnly))
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
    const key = keyOf(path)
    const row =
      this.#run(
        `SELECT epoch, gone, detail, round, tries, lost, (SELECT i.detail FROM item i WHERE i.path = w.path) AS have
         FROM work w WHERE path = ?`,
      ).get(key) ??
      this.#run(
        'SELECT epoch, gone, detail, round, 0 AS tries, 0 AS lost, detail AS have FROM item WHERE path = ?',
      ).get(key)
    return row === undefined ? undefined : itemOf(row, path)
  }

  /** Notes what an event says that wants something done. */
  tell({ path, epoch, gone, detail, round, tier, rank }: Told): void {
    this.#run(
      `INSERT INTO work (path, epoch, gone, detail, content, round, tier, rank) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (path) DO UPDATE SET epoch = excluded.epoch, gone = excluded.gone, detail = excluded.detail,
         content = excluded.content, round = excluded.round, tier = excluded.tier, rank = excluded.rank, tries = 0, due = 0, reason = NULL`,
    ).run(keyOf(path), epoch, gone ? 1 : 0, detail, contentOf(detail), round, tier, rank)
  }

  /** Items whose content is to be brought through the indexes up to `tier`, newest first. */
  wanted(tier: number, limit: number): Wish[] {
    return this.#queue(
      0,
      tier,
      limit,
      ', EXISTS (SELECT 1 FROM item c WHERE c.content = w.content) AS elsewhere',
    ).map((row) => ({ ...itemOf(row), elsewhere: row['elsewhere'] === 1 }))
  }

  /** Items to be deleted through the indexes up to `tier`. */
  deletes(tier: number, limit: number): Item[] {
    return this.#queue(1, tier, limit).map((row) => itemOf(row))
  }

  #queue(gone: 0 | 1, tier: number, limit: number, more = ''): Row[] {
    return this.#run(
      `SELECT w.path, w.epoch, w.gone, w.detail, w.round, w.tries, w.lost, i.detail AS have ${more}
       FROM work w LEFT JOIN item i ON i.path = w.path
       WHERE w.gone = ? AND due = 0 AND tier <= ? ORDER BY tier, rank LIMIT ?`,
    ).all(gone, tier, limit)
  }

  /** The paths of all that an index wants something done about. */
  *unsettled(): Generator<Name> {
    for (const row of this.#run('SELECT path FROM work').iterate())
      yield nameFromBytes(row['path'] as Uint8Array)
  }

  /** Items here that may have a content. */
  withContent(hash: string, limit: number): Item[] {
    return this.#run(
      `SELECT i.path, i.epoch, coalesce(w.gone, i.gone) AS gone, i.detail, i.round, 0 AS tries, 0 AS lost, i.detail AS have
       FROM item i LEFT JOIN work w ON w.path = i.path WHERE i.content = ? LIMIT ?`,
    )
      .all(numberOf(hash), limit)
      .map((row) => itemOf(row))
  }

  /** The item is in its place, as its detail says. */
  settle({ path, epoch, detail, round }: Pick<Item, 'path' | 'epoch' | 'detail' | 'round'>): void {
    const key = keyOf(path)
    this.#run('INSERT OR REPLACE INTO item VALUES (?, ?, 0, ?, ?, ?)').run(
      key,
      epoch,
      detail,
      contentOf(detail),
      round,
    )
    this.#run('DELETE FROM work WHERE path = ?').run(key)
  }

  /** The item is deleted: nothing more is to be known of it. */
  forget(path: Name): void {
    const key = keyOf(path)
    this.#run('DELETE FROM item WHERE path = ?').run(key)
    this.#run('DELETE FROM work WHERE path = ?').run(key)
  }

  /** The item stays here although it is deleted at the origin. */
  keep({ path, epoch, round }: Item): void {
    const key = keyOf(path)
    this.#run('UPDATE item SET gone = 1, epoch = ?2, round = ?3 WHERE path = ?1').run(key, epoch, round)
    this.#run('DELETE FROM work WHERE path = ?').run(key)
  }

  /** Deletes that were left undone are to be done after all; returns how many. */
  unkeep(): number {
    const { changes } = this.#run(
      `INSERT INTO work (path, epoch, gone, detail, round, tier, rank)
       SELECT path, epoch, 1, detail, round, 0, 0 FROM item WHERE gone = 1 ON CONFLICT (path) DO NOTHING`,
    ).run()
    return Number(changes)
  }

  setAside(path: Name, reason: string, due: number): void {
    this.#run('UPDATE work SET tries = tries + 1, due = ?2, reason = ?3 WHERE path = ?1').run(
      keyOf(path),
      due,
      reason.slice(0, 500),
    )
  }

  /** What is in the path's place was found to be something else: it is to be brought again. */
  want(path: Name, tier: number, rank: number): void {
    this.#run(
      `INSERT INTO work (path, epoch, gone, detail, round, tier, rank, lost)
       SELECT path, epoch, 0, detail, round, ?2, ?3, 1 FROM item WHERE path = ?1
       ON CONFLICT (path) DO UPDATE SET tier = ?2, rank = ?3, lost = 1, due = 0`,
    ).run(keyOf(path), tier, rank)
  }

  /** The path is not listed any more. */
  retire(path: Name, rank: number): void {
    const { changes } = this.#run(
      'UPDATE work SET gone = 1, tier = 0, rank = ?2, due = 0, tries = 0, reason = NULL WHERE path = ?1',
    ).run(keyOf(path), rank)
    if (changes > 0) return
    this.#run(
      `INSERT INTO work (path, epoch, gone, detail, round, tier, rank)
       SELECT path, epoch, 1, detail, round, 0, ?2 FROM item WHERE path = ?1`,
    ).run(keyOf(path), rank)
  }

  /** Takes up at once what was set aside. */
  retry(path: Name): void {
    this.#run('UPDATE work SET due = 0 WHERE path = ?').run(keyOf(path))
  }

  /** Takes up again what was set aside until `now`; returns how many. */
  takeUp(now: number): number {
    const { changes } = this.#run(
      'UPDATE work SET due = 0 WHERE gone IN (0, 1) AND due > 0 AND due <= ?',
    ).run(now)
    return Number(changes)
  }

  /** When the next of what was set aside is due; undefined when nothing was. */
  nextDue(): number | undefined {
    const due = [0, 1].map((gone) =>
      Number(
        this.#run('SELECT min(due) AS due FROM work WHERE gone = ? AND due > 0').get(gone)?.['due'] ??
          Infinity,
      ),
    )
    const first = Math.min(...due)
    return first === Infinity ? undefined : first
  }

  /** What was set aside, the most often tried first. */
  asides(limit: number): Aside[] {
    return this.#run(
      `SELECT path, reason, tries, due FROM work WHERE gone IN (0, 1) AND due > 0
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
    this.#run(
      'DELETE FROM work WHERE round < ? AND gone = 0 AND NOT EXISTS (SELECT 1 FROM item i WHERE i.path = work.path)',
    ).run(round)
    const { changes } = this.#run(
      `INSERT INTO work (path, epoch, gone, detail, round, tier, rank)
       SELECT path, epoch, 1, detail, round, ?2, ?3 FROM item WHERE round < ?1 AND gone = 0
       ON CONFLICT (path) DO UPDATE SET gone = 1, tier = ?2, rank = ?3, due = 0, tries = 0, reason = NULL
         WHERE work.round < ?1 AND work.gone = 0`,
    ).run(round, tier, rank)
    return Number(changes)
  }

  counts(): Counts {
    const pending = (where: string): number =>
      Number(this.#run(`SELECT count(*) AS n FROM work WHERE ${where}`).get()?.['n'])
    return {
      items: Number(this.get('items') ?? 0),
      wanted: pending('gone = 0 AND due = 0'),
      deletes: pending('gone = 1 AND due = 0'),
      aside: pending('gone IN (0, 1) AND due > 0'),
    }
  }

  /** Counts the items that the origin has, which takes a look at all. */
  countItems(): number {
    const row = this.#run(
      `SELECT (SELECT count(*) FROM item i LEFT JOIN work w ON w.path = i.path WHERE coalesce(w.gone, i.gone) = 0) +
         (SELECT count(*) FROM work w WHERE gone = 0 AND NOT EXISTS (SELECT 1 FROM item i WHERE i.path = w.path)) AS n`,
    ).get()
    const items = Number(row?.['n'])
    this.set('items', String(items))
    return items
  }

  /** All items in the order of their paths, a few at a time: the state may change meanwhile. */
  *items(): Generator<Item> {
    let after: Uint8Array = new Uint8Array(0)
    for (;;) {
      const rows = this.#run(
        `SELECT i.path AS path, coalesce(w.epoch, i.epoch) AS epoch, coalesce(w.gone, i.gone) AS gone,
           coalesce(w.detail, i.detail) AS detail, i.detail AS have, coalesce(w.round, i.round) AS round,
           coalesce(w.tries, 0) AS tries, coalesce(w.lost, 0) AS lost
         FROM item i LEFT JOIN work w ON w.path = i.path WHERE i.path > ?1
         UNION ALL
         SELECT path, epoch, gone, detail, NULL, round, tries, lost FROM work w
         WHERE path > ?1 AND NOT EXISTS (SELECT 1 FROM item i WHERE i.path = w.path)
         ORDER BY path LIMIT 1000`,
      ).all(after)
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

/** What a file is found by that has the content told of; null where a detail tells of none. */
function contentOf(detail: string): number | null {
  return detail.startsWith('f ') ? numberOf(detail.slice(-43)) : null
}

/** The first six bytes of a hash in base64url: as many as a number holds. */
function numberOf(hash: string): number {
  return Buffer.from(hash.slice(0, 8), 'base64url').readUIntBE(0, 6)
}

const encoder = new TextEncoder()
/** Of three bytes for each character of the longest path: the database copies what it is given. */
const scratch = new Uint8Array(3 * 4096)

/** The bytes of a path, for the next call only: a buffer of its own for each would be the most that a mirror allocates. */
function keyOf(path: Name): Uint8Array {
  if (3 * path.length > scratch.length || !path.isWellFormed()) return nameToBytes(path)
  return scratch.subarray(0, encoder.encodeInto(path, scratch).written)
}

type Row = Readonly<Record<string, SQLInputValue>>

function itemOf(row: Row, path?: Name): Item {
  return {
    path: path ?? nameFromBytes(row['path'] as Uint8Array),
    epoch: row['epoch'] as string,
    gone: row['gone'] === 1,
    detail: row['detail'] as string,
    have: (row['have'] as string | null) ?? undefined,
    round: Number(row['round']),
    tries: Number(row['tries']),
    lost: row['lost'] === 1,
  }
}
