import type { DatabaseSync } from 'node:sqlite'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { fromDatabase } from '../../store/database-error.ts'
import { readDatabase, sqlite } from '../../store/sqlite.ts'

const schema = 3
/** Which lacks a table, that nothing is read from to tell how a mirror stands. */
const before = 2

/** Of every table of items. */
const itemColumns = `
    path BLOB PRIMARY KEY, epoch TEXT NOT NULL, gone INTEGER NOT NULL, detail TEXT NOT NULL, content INTEGER,
    round INTEGER NOT NULL`

/**
 * item: one row for everything that stands in its place here.
 *   detail   of what was put there; '' when its event had none
 *   gone     1: deleted at the origin, and left here
 *   content  of a file the first six bytes of its SHA-256, to find it by
 *   round    the last full reading of all indexes that listed it
 * young: the same for what was put in its place lately; it hides the row of its path in item.
 * work: one row for every path that an index wants something done about: what its newest event says, beside the item that it
 * may be. Few and close together, where items are many and far apart: each of those is written once for a change.
 *   tier     the index that wants it
 *   lost     1: what stands here was found not to be the item
 *   due      0: to be done; else it was set aside, until then (milliseconds since 1970)
 * tier: what is known of our copy of each index, the principal first.
 */
const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE tier (position INTEGER PRIMARY KEY, copy TEXT NOT NULL) STRICT;
  CREATE TABLE item (${itemColumns}) STRICT, WITHOUT ROWID;
  CREATE INDEX content ON item (content) WHERE content IS NOT NULL;
  CREATE INDEX kept ON item (gone) WHERE gone = 1;
  CREATE TABLE work (
    ${itemColumns}, tier INTEGER NOT NULL, rank INTEGER NOT NULL, lost INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL DEFAULT 0, reason TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX queue ON work (gone, due, tier, rank);
  CREATE TABLE touched (path BLOB PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

/** What the schema before did not have. */
const youngTable = `
  CREATE TABLE young (${itemColumns}) STRICT, WITHOUT ROWID;
  CREATE INDEX young_content ON young (content) WHERE content IS NOT NULL;
  CREATE INDEX young_kept ON young (gone) WHERE gone = 1;
  PRAGMA user_version = ${schema};
`

/** Opens or makes the database of a mirror's state; with `readOnly` throws when there is none. */
export function openStateDatabase(path: string, readOnly: boolean): DatabaseSync {
  try {
    const database = readOnly ? readDatabase(path) : new (sqlite().DatabaseSync)(path, { timeout: 5000 })
    try {
      const version = database.prepare('PRAGMA user_version').get()?.['user_version']
      if (!readOnly) {
        database.exec(
          'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000; ' +
            // Pages that are written again and again reach the disk seldom.
            'PRAGMA wal_autocheckpoint = 10000; PRAGMA journal_size_limit = 67108864',
        )
        if (version === 0) database.exec(`BEGIN IMMEDIATE; ${tables} ${youngTable} COMMIT`)
        if (version === before) database.exec(`BEGIN IMMEDIATE; ${youngTable} COMMIT`)
      }
      if (version !== schema && version !== before && (version !== 0 || readOnly)) {
        throw new TidemarkError('unsupported', `${path} was written by another version of Tidemark`)
      }
      return database
    } catch (error) {
      database.close()
      throw error
    }
  } catch (error) {
    if (isTidemarkError(error)) throw error
    throw fromDatabase(error, `open ${path}`, path)
  }
}
