import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromSystem, systemCode, TidemarkError } from '../../errors.ts'
import { ownDirectory } from '../../recent/index.ts'

/** Milliseconds that the Perl programs wait for a lock. */
export const defaultPatience = 600_000

/** So long a lock may be without the number of its process: its maker is between two calls. */
const unnamedMs = 5000

/** Locks that this process has. */
const held = new Set<string>()

/**
 * The lock of an index file, as the Perl programs have it: the directory `<file>.lock`, with the number of the
 * process in its file `process`. Whoever makes the directory has the lock. A lock whose process has ended is
 * broken; on another machine's processes, and on locks of other files, this says nothing.
 */
export class IndexLock {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Takes the lock of the file at `path`; rejects `busy` after `patienceMs`, `cancelled` by the signal. */
  static async take(
    path: string,
    patienceMs: number = defaultPatience,
    signal?: AbortSignal,
  ): Promise<IndexLock> {
    const lock = `${path}.lock`
    const deadline = performance.now() + patienceMs
    for (let pause = 2; ; pause = Math.min(50, 2 * pause)) {
      if (make(lock)) {
        held.add(lock)
        return new IndexLock(lock)
      }
      if (isAbandoned(lock)) breakLock(lock)
      else if (signal?.aborted === true)
        throw new TidemarkError('cancelled', `waiting for ${lock} was cancelled`)
      else if (performance.now() >= deadline)
        throw new TidemarkError(
          'busy',
          `${lock}: another process (${holder(lock) ?? 'unknown'}) has the lock`,
        )
      else await sleep(pause, undefined, { signal }).catch(() => {})
    }
  }

  release(): void {
    held.delete(this.#path)
    // It may have been broken by someone who took this process for dead.
    rmSync(join(this.#path, 'process'), { force: true })
    try {
      rmdirSync(this.#path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw fromSystem(error, `unlock ${this.#path}`)
    }
  }
}

function make(lock: string): boolean {
  try {
    mkdirSync(lock)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw fromSystem(error, `lock ${lock}`)
  }
  try {
    writeFileSync(join(lock, 'process'), `${process.pid}\n`)
    return true
  } catch (error) {
    rmSync(lock, { recursive: true, force: true })
    throw fromSystem(error, `lock ${lock}`)
  }
}

function holder(lock: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(lock, 'process'), 'latin1').trim())
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function isAbandoned(lock: string): boolean {
  const pid = holder(lock)
  // This very process takes each lock once: what bears its number is of one before it.
  if (pid !== undefined) return pid === process.pid ? !held.has(lock) : !isAlive(pid)
  const age = ageOf(lock)
  return age !== undefined && age > unnamedMs
}

function ageOf(lock: string): number | undefined {
  const stats = statSync(lock, { throwIfNoEntry: false })
  return stats && Date.now() - stats.mtimeMs
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) !== 'ESRCH'
  }
}

/** Only one of several who try can move it away; then all try to make it anew. */
function breakLock(lock: string): void {
  const aside = join(dirname(lock), ownDirectory, `${basename(lock)}-${process.pid}`)
  try {
    mkdirSync(dirname(aside), { recursive: true })
    renameSync(lock, aside)
    rmSync(join(aside, 'process'), { force: true })
    rmdirSync(aside)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fromSystem(error, `break ${lock}`)
  }
}
