import { randomBytes } from 'node:crypto'
import { unlinkSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { isAbandoned, isOfTemporaryForm, temporaryName } from '../../store/temporary-file.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'

/**
 * Files under way stand beside their final name as `.tidemark-<temporary>~`, so that the last step is a rename
 * within one directory. `<temporary>` is of the form of `temporaryName`, which lets whoever finds the file later see
 * whether its writer still runs. Nothing but exactly that is ours: a user may have files with names like it.
 */
const [before, after] = ['.tidemark-', '~']

/** Draws names that no other writer uses, in this process or another. */
export function temporaryNames(): () => Name {
  // The last 16 digits are random; half of them are enough to tell the threads of one process apart.
  const prefix = temporaryName().slice(0, -16) + randomBytes(4).toString('hex')
  let number = 0
  return () => before + prefix + (number++ >>> 0).toString(16).padStart(8, '0') + after
}

/** True for any name of that form, whoever writes it: it is no file of the folder. */
export function isTemporaryName(name: Name): boolean {
  return temporaryOf(name) !== undefined
}

/** Removes from `directory` the files of those writers on this host that have ended: nobody will need them. */
export function removeAbandoned(directory: DirectoryHandle): void {
  for (const name of directory.names()) {
    const temporary = temporaryOf(name)
    if (temporary === undefined || !isAbandoned(temporary)) continue
    try {
      unlinkSync(directory.path(name))
    } catch {
      // It does no harm where it is; the next run tries again.
    }
  }
}

function temporaryOf(name: Name): string | undefined {
  if (!name.startsWith(before) || !name.endsWith(after)) return undefined
  const temporary = name.slice(before.length, -after.length)
  return isOfTemporaryForm(temporary) ? temporary : undefined
}
