import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { sep } from 'node:path'
import type { Name } from '../../bytes/name.ts'
import { cacheTag } from '../scan/cache-directory.ts'
import { rulesFile } from '../scan/ignore-rules.ts'
import { ownDirectory } from '../own-directory.ts'
import type { FolderWatcher, Hints } from './watcher.ts'

/** One watch for the whole folder, where the system itself watches what is below a directory (macOS, Windows). */
export class RecursiveWatcher implements FolderWatcher {
  readonly directories = 1
  readonly #hints: Hints
  #handle: FSWatcher | undefined

  constructor(root: string, hints: Hints) {
    this.#hints = hints
    try {
      const options = { recursive: true, persistent: false }
      this.#handle = watch(root, options, (_type, path) => this.#told(path))
      this.#handle.on('error', (error) => this.#refused(error))
    } catch (error) {
      this.#refused(error)
    }
  }

  begin(): void {}
  enter(): void {}
  heed(): void {}
  leave(): void {}
  end(): void {}

  covers(): boolean {
    return true
  }

  close(): void {
    this.#handle?.close()
    this.#handle = undefined
  }

  /** These systems have names in Unicode only. */
  #told(path: string | null): void {
    // Windows has no name to tell when its buffer overflowed.
    if (path === null) return this.#hints.everything('lost')
    const parts: Name[] = path.split(sep)
    if (parts.includes(ownDirectory)) return
    const name = parts.pop()
    if (name === rulesFile || name === cacheTag) this.#hints.everything('rules')
    else this.#hints.changed(parts.join('/'), name)
  }

  #refused(error: unknown): void {
    this.close()
    this.#hints.blind(error instanceof Error ? error.message : String(error))
  }
}
