import { displayName } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import type { Entry } from '../object/entry.ts'
import type { Output, Style } from './output.ts'
import { formatMode, formatSize, formatTimeNs } from './format.ts'
import { alignRow } from './table.ts'

/** A path for a person, coloured by what stands there; a directory ends in a slash. */
export function showPath(output: Output, path: Name, entry: Entry): string {
  const slash = entry.kind === 'directory' && path !== '' ? '/' : ''
  return output.style(styleOf(entry), displayName(path === '' ? '.' : path) + slash)
}

function styleOf(entry: Entry): Style {
  if (entry.unreadable) return 'red'
  if (entry.kind === 'directory') return 'blue'
  if (entry.kind === 'symlink') return 'cyan'
  if (entry.kind === 'file') return (entry.mode & 0o111) === 0 ? 'reset' : 'green'
  return 'yellow'
}

/** "-rw-r--r--  ann  ann   1.2 KiB  2026-11-21 15:04:05  notes.txt", columns of settled widths. */
export function showEntryLong(output: Output, path: Name, entry: Entry): string {
  const columns = [
    formatMode(entry.kind, entry.mode),
    `${entry.uid}:${entry.gid}`,
    sizeColumn(entry),
    formatTimeNs(entry.mtimeNs),
    showPath(output, path, entry) + remarks(entry),
  ]
  return alignRow(columns, [10, 9, 10, 19, 0], ['left', 'right', 'right', 'left', 'left'])
}

function sizeColumn(entry: Entry): string {
  if (entry.kind === 'file' || entry.kind === 'directory') return formatSize(entry.size)
  return 'major' in entry ? `${entry.major}, ${entry.minor}` : '-'
}

function remarks(entry: Entry): string {
  let text = entry.kind === 'symlink' ? ` -> ${displayName(entry.target)}` : ''
  if (entry.link !== undefined) text += ` = ${displayName(entry.link)}`
  if (entry.unreadable) text += ' (could not be read)'
  if (entry.kind === 'file' && entry.unstable) text += ' (changed while it was read)'
  return text
}
