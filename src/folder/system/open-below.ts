import { constants } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import { readTarget } from './paths.ts'

/**
 * A descriptor to read what is at `path` below `root` from, reached step by step, so that no symbolic link is followed: but
 * one that is in `root` itself and leads to its neighbour. Throws `missing`, `conflict`, `denied`; the path is one that
 * leads nowhere else by its parts.
 */
export function openBelow(root: DirectoryHandle, path: Name): number {
  const parts = path.split('/')
  const name = parts.pop()!
  let directory = root
  try {
    for (const part of parts) {
      const above = directory
      try {
        directory = above.child(part)
      } finally {
        if (above !== root) above.close()
      }
    }
    return directory.open(directory === root ? followOnce(root, name) : name, constants.O_RDONLY)
  } finally {
    if (directory !== root) directory.close()
  }
}

function followOnce(root: DirectoryHandle, name: Name): Name {
  if (root.stat(name)?.kind !== 'symlink') return name
  const target = readTarget(root.path(name))
  return target.includes('/') || target === '.' || target === '..' ? name : target
}
