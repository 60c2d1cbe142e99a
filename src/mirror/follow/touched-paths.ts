import { nameFromBytes, type Name } from '../../bytes/name.ts'
import { keyOf } from './state-item.ts'
import type { Statements } from './statements.ts'

/** Which paths have changed here since when, for those who keep copies of the tree. */
export class TouchedPaths {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** Notes that `path` has changed here. */
  note(path: Name, number: number): void {
    this.#statements.of('INSERT OR REPLACE INTO touched VALUES (?, ?)').run(keyOf(path), number)
  }

  /** The paths that have changed since `number`, in order. */
  *since(number: number): Generator<Name> {
    let after: Uint8Array = new Uint8Array(0)
    for (;;) {
      const rows = this.#statements
        .of('SELECT path FROM touched WHERE path > ? AND number > ? ORDER BY path LIMIT 1000')
        .all(after, number)
      for (const row of rows) yield nameFromBytes(row['path'] as Uint8Array)
      const last = rows.at(-1)
      if (last === undefined) return
      after = last['path'] as Uint8Array
    }
  }

  /** Forgets what has changed up to `number`. */
  forget(number: number): void {
    this.#statements.of('DELETE FROM touched WHERE number <= ?').run(number)
  }
}
