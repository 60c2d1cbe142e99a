import type { DatabaseSync } from 'node:sqlite'
import { fromSystem, TidemarkError } from '../errors.ts'

/**
 * One writer at a time, between processes. The lock is the system's own on the bytes of a file, taken through
 * SQLite, as Node gives no way to it: it ends with its process however that ends, so none is ever left behind.
 * The file stays empty.
 */
export class WriterLock {
  readonly #path: string
  readonly #what: string
  #database: DatabaseSync | undefined

  /** `what` names the thing locked, for errors. */
  constructor(path: string, what: string) {
    this.#path = path
    this.#what = what
  }

  /** Waits up to `patience` milliseconds; then rejects `busy`. */
  async acquire(patience: number): Promise<void> {
    const deadline = performance.now() + patience
    for (let pause = 2; ; pause = Math.min(50, pause * 2)) {
      if (await this.#try()) return
      const left = deadline - performance.now()
      if (left <= 0) throw new TidemarkError('busy', `${this.#what} is being recorded by another writer`)
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)))
    }
  }

  async #try(): Promise<boolean> {
    try {
      this.#database ??= await openDatabase(this.#path)
      this.#database.exec('BEGIN EXCLUSIVE')
      return true
    } catch (error) {
      const number = sqliteErrorNumber(error)
      if (number === sqliteBusy) return false
      if (number === sqliteFull)
        throw new TidemarkError('full', `lock ${this.#path}: no space left`, { cause: error })
      throw fromSystem(error, `lock ${this.#path}`)
    }
  }

  release(): void {
    this.#database?.exec('ROLLBACK')
  }

  close(): void {
    this.#database?.close()
    this.#database = undefined
  }
}

async function openDatabase(path: string): Promise<DatabaseSync> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path)
  try {
    // Nothing is ever written, so no journal is needed beside the file.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const sqliteBusy = 5
const sqliteFull = 13

function sqliteErrorNumber(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? (error.errcode as number) & 0xff : undefined
}
