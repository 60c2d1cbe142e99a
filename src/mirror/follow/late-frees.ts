import { close, closeSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'

/** Linux: a descriptor that only points at an entry. It takes no right to read it and wakes no device. */
const O_PATH = 0o10000000
/** Held at a time: beyond that whoever replaces more waits for it himself. */
const mostHeld = 512

/**
 * What lost its name to something newer. The system frees the blocks of a file with its last name or descriptor,
 * which takes several times as long as the rename (with `discard` it waits for the disk); a descriptor that is closed
 * on another thread takes that off the way.
 */
export class LateFrees {
  #held = 0

  /** Runs `replace`, after which something else is at `name`, if it was there before. */
  around(directory: DirectoryHandle, name: Name, replace: () => void): void {
    const fd = this.#held < mostHeld && directory.raceFree ? pointAt(directory, name) : undefined
    if (fd === undefined) return replace()
    try {
      replace()
    } catch (error) {
      closeSync(fd)
      throw error
    }
    this.#held++
    close(fd, () => this.#held--)
  }
}

/** Undefined when nothing is there. */
function pointAt(directory: DirectoryHandle, name: Name): number | undefined {
  try {
    return directory.open(name, O_PATH)
  } catch (error) {
    if (isTidemarkError(error)) return undefined
    throw error
  }
}
