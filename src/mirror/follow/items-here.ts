import type { StatementSync } from 'node:sqlite'
import type { Name } from '../../bytes/name.ts'
import { contentOf, itemOf, keyOf, numberOf, type Item } from './state-item.ts'
import type { Statements } from './statements.ts'

/** So many young items, and they are put with the others. */
const mostYoung = 20_000

/**
 * What stands in its place here. What was put there lately is in a table of its own, where it hides what the large one has
 * of the same path: few and close together, while those of a large tree are far apart, and each change would write two
 * pages of it.
 */
export class ItemsHere {
  readonly #statements: Statements
  /** How many are young, at most; undefined when they were not counted yet. */
  #young: number | undefined

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** What is known of a path: what is wanted of it, or else what stands there. */
  find(path: Name): Item | undefined {
    const row = this.#run(
      `SELECT epoch, gone, detail, round, tries, lost, ${haveOf('w')} AS have FROM work w WHERE path = ?1
       UNION ALL SELECT epoch, gone, detail, round, 0, 0, detail FROM young WHERE path = ?1
       UNION ALL SELECT epoch, gone, detail, round, 0, 0, detail FROM item WHERE path = ?1 LIMIT 1`,
    ).get(keyOf(path))
    return row === undefined ? undefined : itemOf(row, path)
  }

  /** Items here that may have a content. */
  withContent(hash: string, limit: number): Item[] {
    return this.#run(
      `SELECT i.path, i.epoch, coalesce(w.gone, i.gone) AS gone, i.detail, i.round, 0 AS tries, 0 AS lost, i.detail AS have
       FROM (SELECT * FROM young WHERE content = ?1 UNION ALL SELECT * FROM item o
         WHERE content = ?1 AND NOT EXISTS (SELECT 1 FROM young y WHERE y.path = o.path)) i
       LEFT JOIN work w ON w.path = i.path LIMIT ?2`,
    )
      .all(numberOf(hash), limit)
      .map((row) => itemOf(row))
  }

  /** The item is in its place, as its detail says. */
  settle({ path, epoch, detail, round }: Pick<Item, 'path' | 'epoch' | 'detail' | 'round'>): void {
    const key = keyOf(path)
    this.#run('INSERT OR REPLACE INTO young VALUES (?, ?, 0, ?, ?, ?)').run(
      key,
      epoch,
      detail,
      contentOf(detail),
      round,
    )
    this.#run('DELETE FROM work WHERE path = ?').run(key)
    if (this.#young !== undefined) this.#young++
  }

  /** The item is deleted: nothing more is to be known of it. */
  forget(path: Name): void {
    const key = keyOf(path)
    for (const table of ['young', 'item', 'work']) this.#run(`DELETE FROM ${table} WHERE path = ?`).run(key)
  }

  /** The item stays here although it is deleted at the origin. */
  keep({ path, epoch, round }: Item): void {
    const key = keyOf(path)
    for (const table of ['young', 'item'])
      this.#run(`UPDATE ${table} SET gone = 1, epoch = ?2, round = ?3 WHERE path = ?1`).run(key, epoch, round)
    this.#run('DELETE FROM work WHERE path = ?').run(key)
  }

  /** How many items the origin has, which takes a look at all. */
  count(): number {
    this.age()
    const row = this.#run(
      `SELECT (SELECT count(*) FROM item i LEFT JOIN work w ON w.path = i.path WHERE coalesce(w.gone, i.gone) = 0) +
         (SELECT count(*) FROM work w WHERE gone = 0 AND NOT EXISTS (SELECT 1 FROM item i WHERE i.path = w.path)) AS n`,
    ).get()
    return Number(row?.['n'])
  }

  /** All items in the order of their paths, a few at a time: the state may change meanwhile. */
  *all(): Generator<Item> {
    let after: Uint8Array = new Uint8Array(0)
    for (;;) {
      this.age()
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

  /** To be called at the end of each step, within it. */
  ageIfMany(): void {
    if ((this.#young ?? this.#countYoung()) >= mostYoung) this.age()
  }

  /** Puts the young with the others, so that these are all. */
  age(): void {
    if ((this.#young ?? this.#countYoung()) === 0) return
    this.#run('INSERT OR REPLACE INTO item SELECT * FROM young ORDER BY path').run()
    this.#run('DELETE FROM young').run()
    this.#young = 0
  }

  /** To be called when a step was undone. */
  recount(): void {
    this.#young = undefined
  }

  #countYoung(): number {
    this.#young = Number(this.#run('SELECT count(*) AS n FROM young').get()?.['n'])
    return this.#young
  }

  #run(sql: string): StatementSync {
    return this.#statements.of(sql)
  }
}

/** The detail of what stands in the place of the path of `row`. */
export function haveOf(row: string): string {
  return `coalesce((SELECT y.detail FROM young y WHERE y.path = ${row}.path), (SELECT i.detail FROM item i WHERE i.path = ${row}.path))`
}
