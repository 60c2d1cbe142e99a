import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import type * as Sqlite from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/** Loaded when a database is first opened: importing it makes some versions of Node print a warning. */
export function sqlite(): typeof Sqlite {
  return createRequire(import.meta.url)('node:sqlite') as typeof Sqlite
}

/**
 * Opens the database in the file `path`, whose journal is a WAL, to read only; the disk may be read-only or full. Throws
 * what SQLite throws.
 */
export function readDatabase(path: string): Sqlite.DatabaseSync {
  const url = pathToFileURL(path)
  // Without a WAL SQLite would make one, even to read only; who has the file open to write has made it already.
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) url.search = 'immutable=1'
  return new (sqlite().DatabaseSync)(url, { readOnly: true, timeout: 5000 })
}
