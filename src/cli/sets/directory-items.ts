import { lstatSync, openSync, closeSync, readSync, readdirSync, readlinkSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { displayName, nameFromBytes } from '../../bytes/name.ts'

const slash = Buffer.from('/')
const piece = Buffer.alloc(2 ** 18)

/**
 * An item for each file, symlink and empty directory below `root`: its path, NUL, and what it is: `file:` and the
 * SHA-256 of its content, `symlink:` and its target, `directory:`, or the kind of anything else. A file that
 * changed is so one item less and another more. `.tidemark` at the top is left out.
 */
export function* directoryItems(root: string, signal: AbortSignal): Generator<Uint8Array> {
  yield* itemsBelow(Buffer.from(root), Buffer.alloc(0), signal)
}

function* itemsBelow(directory: Buffer, prefix: Buffer, signal: AbortSignal): Generator<Uint8Array> {
  signal.throwIfAborted()
  const names = readdirSync(directory, { encoding: 'buffer' })
  if (names.length === 0 && prefix.length > 0) yield item(prefix.subarray(0, -1), 'directory:')
  for (const name of names) {
    if (prefix.length === 0 && name.toString('latin1') === '.tidemark') continue
    const path = Buffer.concat([directory, slash, name])
    const relative = Buffer.concat([prefix, name])
    const status = lstatSync(path)
    if (status.isDirectory()) yield* itemsBelow(path, Buffer.concat([relative, slash]), signal)
    else if (status.isFile()) yield item(relative, `file:${contentHash(path)}`)
    else if (status.isSymbolicLink())
      yield item(relative, 'symlink:', readlinkSync(path, { encoding: 'buffer' }))
    else yield item(relative, `other:${(status.mode & 0o170000).toString(8)}`)
  }
}

function item(path: Buffer, what: string, rest: Buffer = Buffer.alloc(0)): Uint8Array {
  return Buffer.concat([path, Buffer.from(`\0${what}`), rest])
}

function contentHash(path: Buffer): string {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  try {
    for (;;) {
      const length = readSync(file, piece)
      if (length === 0) return hash.digest('hex')
      hash.update(piece.subarray(0, length))
    }
  } finally {
    closeSync(file)
  }
}

/** The path of such an item. */
export function showPath(item: Uint8Array): string {
  const end = item.indexOf(0)
  return displayName(nameFromBytes(end < 0 ? item : item.subarray(0, end)))
}
