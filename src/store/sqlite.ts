import { createRequire } from 'node:module'
import type * as Sqlite from 'node:sqlite'

/** Loaded when a database is first opened: importing it makes some versions of Node print a warning. */
export function sqlite(): typeof Sqlite {
  return createRequire(import.meta.url)('node:sqlite') as typeof Sqlite
}
