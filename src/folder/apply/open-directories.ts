import { fstatSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'

/**
 * Directories below a root by their paths, each reached step by step from one that is open already, so that
 * no symbolic link is ever followed. Those used last stay open.
 */
export class OpenDirectories {
  readonly root: DirectoryHandle
  readonly #limit: number
  readonly #open = new Map<Name, Opened>()
  #last: Name | undefined
  #rootInherits: Inherited | undefined

  /** `limit` is how many are kept open, at least 2. */
  constructor(root: DirectoryHandle, limit = 48) {
    this.root = root
    this.#limit = limit
  }

  /**
   * The directory at `path`, open until the next call but one. Throws `missing`, or `conflict` where something
   * else stands on the way.
   */
  get(path: Name): DirectoryHandle {
    return path === '' ? this.root : this.#find(path).handle
  }

  /** Which directory the root is, as text. */
  get identity(): string {
    const { dev, ino } = fstatSync(this.root.fd, { bigint: true })
    return `${dev}:${ino}`
  }

  /** Which file system the directory is on. */
  device(path: Name): bigint {
    if (path === '') return deviceOf(this.root)
    const opened = this.#find(path)
    return (opened.device ??= deviceOf(opened.handle))
  }

  /**
   * What a new file in the directory has from its beginning, once it has been noted: all new files there have
   * the same.
   */
  inherited(path: Name): Inherited | undefined {
    return path === '' ? this.#rootInherits : this.#open.get(path)?.inherited
  }

  noteInherited(path: Name, inherited: Inherited): void {
    if (path === '') this.#rootInherits = inherited
    const opened = this.#open.get(path)
    if (opened) opened.inherited = inherited
  }

  #find(path: Name): Opened {
    const known = this.#open.get(path)
    if (known !== undefined) {
      if (this.#last !== path) {
        // Set again, so that it is the youngest.
        this.#open.delete(path)
        this.#open.set(path, known)
        this.#last = path
      }
      return known
    }
    let from = path.length
    let handle: DirectoryHandle | undefined
    while (handle === undefined) {
      from = path.lastIndexOf('/', from - 1)
      handle = from < 0 ? this.root : this.#open.get(path.slice(0, from))?.handle
    }
    // Down again from there; the handles between are closed on the way.
    let opened: Opened | undefined
    for (let start = from + 1; start <= path.length;) {
      const slash = path.indexOf('/', start)
      const end = slash < 0 ? path.length : slash
      const above = opened
      try {
        opened = { handle: (above?.handle ?? handle).child(path.slice(start, end)) }
      } finally {
        above?.handle.close()
      }
      start = end + 1
    }
    this.#keep(path, opened!)
    return opened!
  }

  #keep(path: Name, opened: Opened): void {
    this.#open.set(path, opened)
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= this.#limit) break
      if (oldest !== this.#last) this.forget(oldest)
    }
    this.#last = path
  }

  /** Closes the handle of `path`, which is about to be removed. */
  forget(path: Name): void {
    this.#open.get(path)?.handle.close()
    this.#open.delete(path)
    if (this.#last === path) this.#last = undefined
  }

  /** The same for it and all below, which is somewhere else now. */
  forgetBelow(path: Name): void {
    for (const open of this.#open.keys()) if (open === path || open.startsWith(`${path}/`)) this.forget(open)
  }

  /** Closes all but the root. */
  close(): void {
    for (const path of this.#open.keys()) this.forget(path)
  }
}

interface Opened {
  readonly handle: DirectoryHandle
  device?: bigint
  inherited?: Inherited
}

/** What new files get from their directory and process. */
export interface Inherited {
  readonly uid: number
  readonly gid: number
  /** Attributes: a default access control list of the directory, a label of the system. */
  readonly xattrs: boolean
  /** Modes with which files were made that had them then: neither the umask nor the file system took anything away. */
  readonly modes: Set<number>
}

function deviceOf(handle: DirectoryHandle): bigint {
  return fstatSync(handle.fd, { bigint: true }).dev
}
