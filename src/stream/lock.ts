import { statSync } from 'node:fs'
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
  /** Of the file when it was opened. */
  #inode: bigint | undefined

  /** `what` names the thing locked, for errors. */
  constructor(path: string, what: string) {
    this.#path = path
    this.#what = what
  }

  /**
   * Waits up to `patience` milliseconds; then rejects `busy`. False when the file was removed by a holder meanwhile: then
   * others may hold the lock of another one.
   */
  async acquire(patience: number): Promise<boolean> {
    const deadline = performance.now() + patience
    for (let pause = 2; ; pause = Math.min(50, pause * 2)) {
      if (await this.#try()) {
        if (inodeOf(this.#path) === this.#inode) return true
        this.close()
        return false
      }
      const left = deadline - performance.now()
      if (left <= 0) throw new TidemarkError('busy', `${this.#what} is being recorded by another writer`)
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)))
    }
  }

  async #try(): Promise<boolean> {
    try {
      this.#database ??= await this.#open()
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

  async #open(): Promise<DatabaseSync> {
    for (;;) {
      const inode = inodeOf(this.#path)
      const database = await openDatabase(this.#path)
      // Else it is not known which file was opened: this one, or one that was there in between.
      if (inode !== undefined && inode === inodeOf(this.#path)) {
        this.#inode = inode
        return database
      }
      database.close()
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

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino
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
