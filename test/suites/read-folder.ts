import { hash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { readXattrs } from '../../src/folder/system/xattrs.ts'

/** All there is to say about one path, as text, so that a difference is easy to read. */
export type Described = ReadonlyMap<string, string>

/**
 * Describes everything in a directory, itself included, by paths in latin1 (one character a byte): kind, mode,
 * owner, time, attributes, what it holds, and the first path of the same file. A reader of its own, which
 * shares nothing with what it judges but the reading of attributes.
 */
export function readFolder(root: string): Described {
  const described = new Map<string, string>()
  const files = new Map<string, string>()
  const visit = (path: Buffer, relative: string): void => {
    const stats = lstatSync(path, { bigint: true })
    const key = `${stats.dev}:${stats.ino}`
    const first = stats.isDirectory() ? relative : (files.get(key) ?? relative)
    files.set(key, first)
    const parts = [
      ((Number(stats.mode) >> 12) & 0o17).toString(8),
      stats.isSymbolicLink() ? '-' : (Number(stats.mode) & 0o7777).toString(8),
      `${stats.uid}:${stats.gid}`,
      `${stats.mtimeNs}`,
      readXattrs(path)
        .map(({ name, value }) => `${name}=${Buffer.from(value).toString('hex')}`)
        .join(','),
      first === relative ? '' : `= ${first}`,
    ]
    if (stats.isFile()) parts.push(`${stats.size} ${hashFile(path, Number(stats.size))}`)
    if (stats.isSymbolicLink()) parts.push(readlinkSync(path, { encoding: 'buffer' }).toString('latin1'))
    if (stats.isCharacterDevice() || stats.isBlockDevice()) parts.push(`${stats.rdev}`)
    described.set(relative, parts.join(' | '))
    if (!stats.isDirectory()) return
    const names = readdirSync(path, { encoding: 'buffer' })
    for (const name of names.toSorted((a, b) => a.compare(b))) {
      const below = Buffer.concat([path, Buffer.from('/'), name])
      visit(below, relative === '' ? name.toString('latin1') : `${relative}/${name.toString('latin1')}`)
    }
  }
  visit(Buffer.from(root), '')
  return described
}

function hashFile(path: Buffer, size: number): string {
  const bytes = Buffer.alloc(size)
  const fd = openSync(path, 'r')
  try {
    for (let at = 0; at < size;) {
      const read = readSync(fd, bytes, at, size - at, at)
      if (read === 0) throw new Error('ends early')
      at += read
    }
  } finally {
    closeSync(fd)
  }
  return hash('sha256', bytes)
}
