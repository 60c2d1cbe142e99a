import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { ItemsHere } from './items-here.ts'
import { openStateDatabase } from './state-database.ts'
import { Statements } from './statements.ts'
import { TouchedPaths } from './touched-paths.ts'
import { WorkQueue } from './work-queue.ts'

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
  readonly items: ItemsHere
  readonly work: WorkQueue
  readonly touched: TouchedPaths
  readonly #database: DatabaseSync
  readonly #statements: Statements

  private constructor(database: DatabaseSync) {
    this.#database = database
    this.#statements = new Statements(database)
    this.items = new ItemsHere(this.#statements)
    this.work = new WorkQueue(this.#statements, this.items)
    this.touched = new TouchedPaths(this.#statements)
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
      this.items.ageIfMany()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      this.items.recount()
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

  #run(sql: string): StatementSync {
    return this.#statements.of(sql)
  }
}
