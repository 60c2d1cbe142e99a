import { readFileSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { basename } from 'node:path'
import { nameFromBytes } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import { systemCode } from '../../errors.ts'
import { cacheTag } from '../scan/cache-directory.ts'
import { IgnoreRules, rulesFile } from '../scan/ignore-rules.ts'
import type { EnteredDirectory } from '../scan/scan.ts'
import { ownDirectory } from '../own-directory.ts'
import { systemPath } from '../system/paths.ts'
import { Burst } from './burst.ts'
import type { FolderWatcher, Hints } from './watcher.ts'

interface Watched {
  readonly ino: bigint
  readonly handle: FSWatcher
  rules: IgnoreRules
  /** The last scan that entered it. */
  scan: number
}

/**
 * One system watch for each directory, of all Node processes' in one queue (inotify). Node's own recursive
 * watching is not used: it cannot leave out `.tidemark` nor what is ignored, and it differs by version (see
 * docs/decisions/0401-watching.md).
 */
export class DirectoryWatcher implements FolderWatcher {
  readonly #watched = new Map<Name, Watched>()
  readonly #hints: Hints
  readonly #rootName: Name
  readonly #burst: Burst
  /** Directories that scans found gone. */
  readonly #left = new Set<Name>()
  #scan = 0
  #whole = false
  #blind = false

  constructor(root: string, hints: Hints) {
    this.#hints = hints
    this.#rootName = nameFromBytes(Buffer.from(basename(root)))
    this.#burst = new Burst(queueLength(), () => hints.everything('lost'))
  }

  get directories(): number {
    return this.#watched.size
  }

  begin(whole: boolean): void {
    this.#scan++
    this.#whole = whole
    if (whole) this.#blind = false
  }

  enter({ path, relative, ino }: EnteredDirectory): void {
    const known = this.#watched.get(relative)
    if (known?.ino === ino) {
      known.scan = this.#scan
      known.rules = IgnoreRules.none
      return
    }
    this.#drop(relative)
    if (this.#blind) return
    try {
      const options = { encoding: 'buffer', persistent: false } as const
      const handle = watch(systemPath(path), options, (type, name) =>
        this.#told(relative, watched, type, name),
      )
      const watched: Watched = { ino, handle, rules: IgnoreRules.none, scan: this.#scan }
      this.#watched.set(relative, watched)
      handle.on('error', () => this.#stale(relative))
    } catch (error) {
      this.#refused(error)
    }
  }

  heed(relative: Name, rules: IgnoreRules): void {
    const watched = this.#watched.get(relative)
    if (watched) watched.rules = rules
  }

  covers(relative: Name, ino: bigint): boolean {
    return this.#blind || this.#watched.get(relative)?.ino === ino
  }

  leave(relative: Name): void {
    this.#left.add(relative)
  }

  end(): void {
    if (this.#whole || this.#left.size > 0) {
      for (const [relative, { scan }] of this.#watched) {
        if (scan !== this.#scan && (this.#whole || this.#hasLeft(relative))) this.#drop(relative)
      }
    }
    this.#left.clear()
  }

  close(): void {
    for (const relative of this.#watched.keys()) this.#drop(relative)
  }

  #told(relative: Name, watched: Watched, type: string, bytes: Buffer | null): void {
    this.#burst.count()
    if (this.#watched.get(relative) !== watched) return
    if (bytes === null) return this.#hints.changed(relative)
    const name = nameFromBytes(bytes)
    // A directory that was deleted, moved or unmounted is told of under its own name, by which it may be
    // known no longer.
    const own = relative === '' ? this.#rootName : relative.slice(relative.lastIndexOf('/') + 1)
    if (name === own && type === 'rename') return this.#stale(relative)
    if (name === ownDirectory) return
    if (name === rulesFile || name === cacheTag) this.#hints.everything('rules')
    else if (!isIgnored(watched.rules, relative === '' ? name : `${relative}/${name}`))
      this.#hints.changed(relative, name)
  }

  /** Lets go of a directory. If it is still there the next scan, which must look at it now, enters it again. */
  #stale(relative: Name): void {
    this.#drop(relative)
    this.#hints.changed(relative)
  }

  #drop(relative: Name): void {
    this.#watched.get(relative)?.handle.close()
    this.#watched.delete(relative)
  }

  #refused(error: unknown): void {
    const code = systemCode(error)
    // What has vanished, or may not be read, the scan notices itself.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return
    this.#blind = true
    const what =
      code === 'ENOSPC'
        ? 'the system allows no more watches (fs.inotify.max_user_watches)'
        : code === 'EMFILE'
          ? 'the system allows no more watchers (fs.inotify.max_user_instances)'
          : String(error)
    this.#hints.blind(what)
  }

  #hasLeft(relative: Name): boolean {
    for (let end = relative.length; end > 0; end = relative.lastIndexOf('/', end - 1))
      if (this.#left.has(relative.slice(0, end))) return true
    return false
  }
}

/** Whether it is left out whatever it is: what a name stands for now may be something else soon. */
function isIgnored(rules: IgnoreRules, relative: Name): boolean {
  return rules !== IgnoreRules.none && rules.ignores(relative, false) && rules.ignores(relative, true)
}

function queueLength(): number {
  try {
    return Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'latin1')) || 16384
  } catch {
    return 16384
  }
}
