import { nameToBytes } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import type { Entry } from '../object/entry.ts'
import { idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import { isoTimeNs } from './format.ts'

/**
 * How things look in `--json`. The names of the fields are part of the public interface and described in
 * docs/guide/json.md: they may be added to, not changed. Ids are hexadecimal, times ISO 8601 in UTC, sizes
 * bytes, modes octal; what does not apply is left out.
 */
export function snapshotJson(id: Id, snapshot: Snapshot): object {
  const { folder, device, host, path, time, parents, root, message, tags, unreadable, unstable, program } =
    snapshot
  return {
    id: idToHex(id),
    time: isoTime(time),
    parents: parents.map(idToHex),
    folder,
    device,
    host,
    path,
    message,
    tags,
    entries: root.count,
    bytes: root.size,
    unreadable,
    unstable,
    program,
  }
}

export function entryJson(path: Name, entry: Entry): object {
  const { kind, mode, uid, gid, mtimeNs, link, unreadable, xattrs } = entry
  return {
    path,
    kind,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    mtime: isoTimeNs(mtimeNs),
    ...kindJson(entry),
    ...(link === undefined ? {} : { link }),
    ...(unreadable ? { unreadable } : {}),
    ...(xattrs.length === 0
      ? {}
      : { xattrs: Object.fromEntries(xattrs.map(({ name, value }) => [name, base64(value)])) }),
    // A name whose bytes are not UTF-8 has halves of surrogate pairs in it, which not every reader of JSON takes.
    ...(path.isWellFormed() ? {} : { pathBytes: base64(nameToBytes(path)) }),
  }
}

function kindJson(entry: Entry): object {
  switch (entry.kind) {
    case 'file':
      return entry.unstable ? { size: entry.size, unstable: true } : { size: entry.size }
    case 'directory':
      return { size: entry.size, entries: entry.count }
    case 'symlink':
      return { target: entry.target }
    case 'character-device':
    case 'block-device':
      return { major: entry.major, minor: entry.minor }
    default:
      return {}
  }
}

export function isoTime(time: number): string | null {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
