import type { StatementSync } from 'node:sqlite'
import { nameFromBytes, type Name } from '../../bytes/name.ts'
import { haveOf, type ItemsHere } from './items-here.ts'
import { contentOf, itemOf, keyOf, type Item, type Row } from './state-item.ts'
import type { Statements } from './statements.ts'

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

/** What the indexes want something done about: contents and deletes, to be done or set aside until later. */
export class WorkQueue {
  readonly #statements: Statements
  readonly #items: ItemsHere

  constructor(statements: Statements, items: ItemsHere) {
    this.#statements = statements
    this.#items = items
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
      `, EXISTS (SELECT 1 FROM young c WHERE c.content = w.content)
         OR EXISTS (SELECT 1 FROM item c WHERE c.content = w.content
           AND NOT EXISTS (SELECT 1 FROM young y WHERE y.path = c.path)) AS elsewhere`,
    ).map((row) => ({ ...itemOf(row), elsewhere: row['elsewhere'] === 1 }))
  }

  /** Items to be deleted through the indexes up to `tier`. */
  deletes(tier: number, limit: number): Item[] {
    return this.#queue(1, tier, limit).map((row) => itemOf(row))
  }

  #queue(gone: 0 | 1, tier: number, limit: number, more = ''): Row[] {
    return this.#run(
      `SELECT w.path, w.epoch, w.gone, w.detail, w.round, w.tries, w.lost, ${haveOf('w')} AS have ${more}
       FROM work w WHERE w.gone = ? AND due = 0 AND tier <= ? ORDER BY tier, rank LIMIT ?`,
    ).all(gone, tier, limit)
  }

  /** The paths of all that an index wants something done about. */
  *unsettled(): Generator<Name> {
    for (const row of this.#run('SELECT path FROM work').iterate())
      yield nameFromBytes(row['path'] as Uint8Array)
  }

  /** Deletes that were left undone are to be done after all; returns how many. */
  unkeep(): number {
    const { changes } = this.#run(
      `INSERT INTO work (path, epoch, gone, detail, round, tier, rank)
       SELECT path, epoch, 1, detail, round, 0, 0 FROM young WHERE gone = 1
       UNION ALL SELECT path, epoch, 1, detail, round, 0, 0 FROM item i
         WHERE gone = 1 AND NOT EXISTS (SELECT 1 FROM young y WHERE y.path = i.path)
       ON CONFLICT (path) DO NOTHING`,
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
       SELECT path, epoch, 0, detail, round, ?2, ?3, 1 FROM ${here} WHERE true
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
       SELECT path, epoch, 1, detail, round, 0, ?2 FROM ${here}`,
    ).run(keyOf(path), rank)
  }

  /** After a full reading: what it did not list is gone. Returns how many. */
  sweep(round: number, tier: number, rank: number): number {
    this.#items.age()
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

  #run(sql: string): StatementSync {
    return this.#statements.of(sql)
  }
}

/** The row of what stands in the place of the first parameter. */
const here = '(SELECT * FROM young WHERE path = ?1 UNION ALL SELECT * FROM item WHERE path = ?1 LIMIT 1)'
