import { readFileSync, writeFileSync } from 'node:fs'
import { pid } from 'node:process'
import { TidemarkError } from '../errors.ts'
import { fromDatabase, isBusyDatabase } from './database-error.ts'
import { sqlite } from './sqlite.ts'

/**
 * Keeps other processes from doing the same until it is disposed of, by a transaction on a database in the file `path` that
 * stays empty: the system gives the lock back when the process ends, however that is. Throws `busy`, saying which
 * process has it; `what` is what that does.
 */
export function takeProcessLock(path: string, what: string): Disposable {
  const database = new (sqlite().DatabaseSync)(path, { timeout: 0 })
  // Told only: whoever has the lock has written it.
  const holder = `${path}.pid`
  try {
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    writeFileSync(holder, `${pid}\n`)
  } catch (error) {
    database.close()
    if (!isBusyDatabase(error)) throw fromDatabase(error, `lock ${path}`, path)
    const text = `${what} already: process ${processIn(holder) ?? 'unknown'}`
    throw new TidemarkError('busy', text, { cause: error })
  }
  return { [Symbol.dispose]: () => database.close() }
}

function processIn(path: string): string | undefined {
  try {
    return /^\d+/.exec(readFileSync(path, 'latin1'))?.[0]
  } catch {
    return undefined
  }
}
