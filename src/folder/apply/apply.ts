import { rmdirSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { displayName, type Name } from '../../bytes/name.ts'
import { systemCode } from '../../errors.ts'
import type { Entry, FileEntry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import { throwIfCancelled } from '../../store/call.ts'
import type { Difference } from '../../tree/compare-directories.ts'
import type { PlacedEntries } from '../scan/placed.ts'
import { setMode } from '../system/mode.ts'
import { childPath } from '../system/paths.ts'
import { refusal } from '../system/refusal.ts'
import { changedMeanwhile, isAsSeen, seenOf, type FileResult, type FileSink, type Seen } from './file-job.ts'
import { giveLink, type LateLink } from './late-link.ts'
import { carrierAt, giveMetadata } from './metadata.ts'
import type { OpenDirectories } from './open-directories.ts'
import type { Problems } from './problem.ts'
import { makeSpecial, makeWorkDirectory, removeSeen, type SpecialEntry } from './special-files.ts'
import { isUnread, planStep, unreadHere, type PlanOptions, type Step } from './step.ts'
import { temporaryNames } from './temporary-name.ts'
import { WorkDirectories } from './work-directories.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import { workDirectory, type WorkDirectory } from './work-directory.ts'

export interface ApplyOptions extends PlanOptions, CallOptions {
  readonly directories: OpenDirectories
  readonly files: FileSink
  readonly problems: Problems
  /** What stands in a directory that is to be deleted may have been left out on purpose: then it stays, with what it holds. */
  readonly leavesSome?: boolean | undefined
  /** Directories in which something was changed before, and which get their time again. */
  readonly stirred?: ReadonlySet<Name> | undefined
  /** Directories that are only on the way: made when they are not there, else left as they are. */
  readonly passing?: ((path: Name) => boolean) | undefined
  /** Called for each directory that stays for that. */
  readonly onLeft?: ((directory: Name) => void) | undefined
  /** Called for each step before it is taken. */
  readonly onStep?: ((step: Step) => void) | undefined
  /**
   * Notes what was put in its place, for a scan that comes next. The sink has to be asked to tell of its files
   * (`placed: true`).
   */
  readonly placed?: PlacedEntries | undefined
  /** Called with each directory in which something is changed, or whose metadata are; more than once. */
  readonly onTouched?: ((directory: Name) => void) | undefined
  /** Called for each entry that has been seen to, with the bytes written for it. */
  readonly onDone?: ((bytes: number) => void) | undefined
}

/** What was done. */
export interface ApplyCounts {
  /** Files whose content was written, and their bytes. */
  files: number
  bytes: number
  /** Directories made. */
  directories: number
  /** Symlinks, fifos, devices and sockets made. */
  specials: number
  /** Further names given to files. */
  links: number
  /** Entries that only got other metadata. */
  metadata: number
  /** Files that were read, and found to be as they should be. */
  right: number
  /** Entries removed, directories included. */
  deleted: number
}

export function nothingDone(): ApplyCounts {
  return { files: 0, bytes: 0, directories: 0, specials: 0, links: 0, metadata: 0, right: 0, deleted: 0 }
}

/** Adds `more` to `counts`. */
export function addCounts(counts: ApplyCounts, more: ApplyCounts): void {
  for (const key of Object.keys(counts) as (keyof ApplyCounts)[]) counts[key] += more[key]
}

/** So many links are noted before they are given. */
const manyLinks = 10_000

/**
 * Makes a directory what a plan wants it to be: `changes` are the differences between what is there and what
 * is wanted, in path order, a directory before what is below it and also when only that differs. Everything
 * is looked at again before it is touched, and what is not as the differences say is left alone.
 *
 * Nothing outside of the root of `directories` is reached, whatever the names say and whoever swaps in
 * symbolic links. Every path holds its whole old or its whole new content at any moment. What one entry is
 * denied becomes a problem; what would stop all of them (a full disk, a store out of reach) is thrown, after
 * unfinished files are removed.
 */
export async function applyChanges(
  changes: AsyncIterable<readonly Difference[]>,
  options: ApplyOptions,
): Promise<ApplyCounts> {
  const application = new Application(options)
  try {
    for await (const batch of changes) {
      throwIfCancelled(options.signal, 'restore')
      for (const difference of batch) {
        const wait = application.take(difference)
        if (wait) await wait
      }
      // So that results, signals and progress come through.
      await setImmediate()
    }
    await application.finish()
    return application.counts
  } catch (error) {
    await options.files.abort()
    throw error
  }
}

class Application {
  readonly counts: ApplyCounts = nothingDone()
  readonly #options: ApplyOptions
  readonly #directories: OpenDirectories
  readonly #temporary = temporaryNames()
  readonly #work: WorkDirectories
  /** Further names of files, given after the files. */
  #links: LateLink[] = []
  /** By the path that links name: the path that got the content instead, the first not being restored. */
  readonly #firstNames = new Map<Name, Name>()
  /** The submission of a file that takes the place of a directory. */
  #wait: Promise<void> | undefined
  /** Nothing is done below this path. */
  #skipped: Name | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(options: ApplyOptions) {
    this.#options = options
    this.#directories = options.directories
    this.#work = new WorkDirectories(options.directories, {
      onEmptied: (directory) => this.#remove(directory),
      onLost: (path, messages) => this.#lost(path, messages),
      onGiven: (path, wanted, stat, isWhole) =>
        options.placed?.note(directoryOf(path), wanted, stat, isWhole),
      onFailed: (path, error) => this.#fail(path, error),
    })
  }

  /** Sees to one difference. When it returns a promise, await it before the next. */
  take(difference: Difference): Promise<void> | undefined {
    if (this.#failure) throw this.#failure.error
    const { path } = difference
    if (this.#skipped !== undefined) {
      if (path.startsWith(`${this.#skipped}/`)) return undefined
      this.#skipped = undefined
    }
    const above = this.#work.leaveTo(path)
    const wait = this.#wait
    if (wait) {
      this.#wait = undefined
      return wait.then(() => this.#carryOut(above, difference))
    }
    return this.#carryOut(above, difference)
  }

  #carryOut(above: WorkDirectory, difference: Difference): Promise<void> | undefined {
    const { path, before, after } = difference
    let step = planStep(difference, this.#options)
    const passing = this.#options.passing?.(path) === true
    if (passing && step?.action === 'metadata') step = undefined
    if (step) {
      this.#options.onStep?.(step)
      this.#touch(step)
    }
    try {
      if (step?.problem) this.#options.problems.add(path, step.problem.code, step.problem.message)
      if (before?.kind === 'directory' || after?.kind === 'directory') {
        this.#enter(above, difference, step, passing)
        return undefined
      }
      if (step === undefined || step.action === 'refuse') return undefined
      if (step.action === 'delete') this.#delete(above, path, before!)
      else return this.#make(above, step)
    } catch (error) {
      this.#options.problems.addError(path, error)
      this.#skipped = path
    }
    return undefined
  }

  #touch({ path, before, after }: Step): void {
    const { onTouched } = this.#options
    if (onTouched === undefined) return
    onTouched(directoryOf(path))
    if (before?.kind === 'directory' || after?.kind === 'directory') onTouched(path)
  }

  /** Notes what stands at `name` in `directory` now. */
  #place(directory: Name, entry: Entry, lost: readonly unknown[]): void {
    const { placed } = this.#options
    if (placed === undefined) return
    const stat = this.#directories.get(directory).stat(entry.name)
    if (stat) placed.note(directory, entry, stat, lost.length === 0)
  }

  #enter(
    above: WorkDirectory,
    { path, before, after }: Difference,
    step: Step | undefined,
    passing: boolean,
  ): void {
    if (path === '') return this.#enterRoot(after, step, passing)
    const name = nameOf(path)
    if (step?.action === 'refuse' || (after?.kind !== 'directory' && step === undefined)) {
      this.#skipped = path
      return
    }
    if (after?.kind !== 'directory') {
      const replacement = after && step
      this.#work.enter(workDirectory(path, above, { doomed: true, replacement }))
      return
    }
    const parent = this.#directories.get(above.path)
    if (before?.kind === 'directory') {
      const opened = !this.#work.asRoot && (before.mode & 0o500) !== 0o500
      if (opened) setMode(parent, name, before.mode | 0o700)
      const due = opened || step !== undefined || this.#options.stirred?.has(path) === true
      const own = passing ? { ownMode: opened ? before.mode : undefined } : { wanted: after }
      this.#work.enter(workDirectory(path, above, { due, ...own }))
      if (step) this.counts.metadata++
    } else {
      this.#work.prepare(above)
      if (before) removeSeen(parent, name, seenOf(before))
      makeWorkDirectory(parent, name)
      this.counts.directories++
      this.#work.enter(workDirectory(path, above, { due: true, made: true, prepared: true, wanted: after }))
    }
    this.#options.onDone?.(0)
    // Nobody knows what it held, or holds: so what it holds now stays.
    if (after.unreadable)
      this.#options.problems.add(path, 'unreadable', 'it could not be read when the snapshot was taken')
    else if (isUnread(before, this.#options)) this.#options.problems.add(path, 'failed', unreadHere)
    else return
    this.#skipped = path
  }

  #enterRoot(after: Entry | undefined, step: Step | undefined, passing: boolean): void {
    const { root } = this.#work
    if (passing || after?.kind !== 'directory') return
    root.wanted = after
    root.due = step !== undefined || this.#options.stirred?.has('') === true
    if (step) this.counts.metadata++
  }

  #make(above: WorkDirectory, step: Step): Promise<void> | undefined {
    const { path, action, before } = step
    const after = step.after!
    const seen = before && seenOf(before)
    if (action === 'link') {
      above.pending++
      this.#links.push({ above, path, entry: after, seen })
      return this.#links.length < manyLinks ? undefined : this.#giveLinks()
    }
    if (action === 'metadata' && this.#giveMetadata(above, path, before!, after)) return undefined
    this.#work.prepare(above)
    if (after.kind === 'file') return this.#write(above, path, after, seen, action === 'check')
    this.#makeSpecial(above, path, after as SpecialEntry, seen)
    return undefined
  }

  #makeSpecial(above: WorkDirectory, path: Name, entry: SpecialEntry, seen: Seen | undefined): void {
    const handle = this.#directories.get(above.path)
    const lost = makeSpecial(handle, entry, seen, this.#temporary)
    this.#place(above.path, entry, lost)
    this.#lost(path, lost)
    this.counts.specials++
    this.#options.onDone?.(0)
  }

  #write(
    above: WorkDirectory,
    path: Name,
    entry: FileEntry,
    seen: Seen | undefined,
    check: boolean,
  ): Promise<void> | undefined {
    above.pending++
    const job = { directory: above.path, entry, seen, check }
    return this.#options.files.submit(job, (result) => {
      this.#note(path, entry, result)
      const { placed, problems } = result
      if (placed) this.#options.placed?.note(above.path, entry, placed, problems.length === 0)
      this.#work.settle(above)
    })
  }

  #note(path: Name, entry: FileEntry, { status, problems }: FileResult): void {
    for (const [code, message] of problems) this.#options.problems.add(path, code, message)
    if (status === 'written') {
      this.counts.files++
      this.counts.bytes += entry.size
    } else if (status === 'kept') this.counts.metadata++
    else if (status === 'right') this.counts.right++
    if (entry.unstable && status !== 'failed') {
      this.#options.problems.add(
        path,
        'unstable',
        'it changed while the snapshot was taken: its bytes may not fit together',
      )
    }
    this.#options.onDone?.(status === 'written' ? entry.size : 0)
  }

  /**
   * Gives what is there its metadata. False when it has other names, which may be anywhere: then it has to be
   * made anew, so that they keep theirs.
   */
  #giveMetadata(above: WorkDirectory, path: Name, before: Entry, after: Entry): boolean {
    const handle = this.#directories.get(above.path)
    const name = nameOf(path)
    const now = handle.stat(name)
    if (now === undefined || !isAsSeen(now, seenOf(before))) {
      this.#options.problems.add(path, 'conflict', changedMeanwhile)
      return true
    }
    if (now.nlink > 1) return false
    const lost = giveMetadata(carrierAt(handle, name), after, now)
    this.#place(above.path, after, lost)
    this.#lost(path, lost)
    this.counts.metadata++
    this.#options.onDone?.(0)
    return true
  }

  #delete(above: WorkDirectory, path: Name, before: Entry): void {
    this.#work.prepare(above)
    removeSeen(this.#directories.get(above.path), nameOf(path), seenOf(before))
    this.counts.deleted++
  }

  #lost(path: Name, messages: readonly string[]): void {
    for (const message of messages) this.#options.problems.add(path, 'lost-metadata', message)
  }

  #fail(path: Name, error: unknown): void {
    try {
      this.#options.problems.addError(path, error)
    } catch (error) {
      this.#failure ??= { error }
    }
  }

  #remove({ path, above, replacement }: WorkDirectory): void {
    this.#work.prepare(above!)
    this.#directories.forget(path)
    const parent = this.#directories.get(above!.path)
    try {
      rmdirSync(parent.path(nameOf(path)))
      this.counts.deleted++
    } catch (error) {
      const code = systemCode(error)
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EBUSY')
        throw refusal(error, 'delete directory', childPath(parent.location, nameOf(path)))
      if (this.#options.leavesSome === true && replacement === undefined && code !== 'EBUSY') {
        this.#options.onLeft?.(path)
        return
      }
      this.#options.problems.add(
        path,
        'not-empty',
        'it holds what is not part of any snapshot: left as it is',
      )
      return
    }
    if (replacement === undefined) return
    const action = replacement.action === 'link' ? 'link' : 'make'
    this.#wait = this.#make(above!, { ...replacement, action, before: undefined })
  }

  /** Gives the links noted so far, whose files have all been submitted. */
  async #giveLinks(): Promise<void> {
    const links = this.#links
    this.#links = []
    await this.#options.files.drain()
    const rest = links.filter((link) => !this.#tryLink(link))
    const again: LateLink[] = []
    for (const link of rest) {
      const first = link.entry.link!
      if (this.#firstNames.has(first)) again.push(link)
      else {
        this.#firstNames.set(first, link.path)
        await this.#makeAlone(link)
      }
    }
    await this.#options.files.drain()
    for (const link of again) {
      if (this.#tryLink(link)) continue
      this.#options.problems.add(
        link.path,
        'lost-metadata',
        `is no longer one file with ${displayName(link.entry.link!)}`,
      )
      await this.#makeAlone(link)
    }
    await this.#options.files.drain()
  }

  /** False when it has to be made a file of its own. */
  #tryLink(link: LateLink): boolean {
    const first = this.#firstNames.get(link.entry.link!) ?? link.entry.link!
    try {
      const prepare = (): void => this.#work.prepare(link.above)
      const result = giveLink(this.#directories, link, first, this.#temporary, prepare, this.#options.placed)
      if (result === 'impossible') return false
      if (result === 'made') this.counts.links++
      this.#options.onDone?.(0)
    } catch (error) {
      this.#fail(link.path, error)
    }
    this.#work.settle(link.above)
    return true
  }

  /** Restores a further name without the first: it gets a content of its own. */
  async #makeAlone({ above, path, entry, seen }: LateLink): Promise<void> {
    try {
      this.#work.prepare(above)
      if (entry.kind === 'file') await this.#write(above, path, entry, seen, seen?.size === entry.size)
      else this.#makeSpecial(above, path, entry as SpecialEntry, seen)
    } catch (error) {
      this.#fail(path, error)
    }
    this.#work.settle(above)
  }

  /** Completes everything, and makes it durable. */
  async finish(): Promise<void> {
    this.#work.leaveAll()
    await this.#wait
    await this.#giveLinks()
    await this.#options.files.finish()
    this.#work.finish()
    if (this.#failure) throw this.#failure.error
  }
}
