import type { ProblemCode } from '../../src/folder/apply/problem.ts'
import type { Entry } from '../../src/object/entry.ts'
import { idOf } from '../../src/object/id.ts'
import type { Difference } from '../../src/tree/compare-directories.ts'
import { equalEntries } from '../../src/tree/equal-entries.ts'
import { directoryOf, nameOf } from '../../src/tree/path.ts'
import type { Node, SimulatedDisk } from './disk.ts'
import { leafEntry } from './scan.ts'

export interface Application {
  readonly disk: SimulatedDisk
  readonly now: () => bigint
  /** Awaited before each operation on the disk. */
  readonly step: (what: string) => Promise<void>
  /** The bytes of a file that is to be written. */
  readonly read: (entry: Entry) => Promise<string>
  readonly problem: (path: string, code: ProblemCode, message: string) => void
  /** What the system refuses to change just now. */
  readonly isDenied: (path: string) => boolean
  /** What it refuses to make. */
  readonly isRefused: (path: string) => boolean
  /** Told of what is left out for that, with all below it. */
  readonly onRefused: (path: string, entry: Entry) => void
  /** In path order, as a restore does, instead of so that nothing goes before it is anywhere else. */
  readonly inPathOrder?: boolean | undefined
}

/**
 * Carries out `differences` on a disk. What is new comes first, then what takes the place of something, then
 * what goes, deepest first: a content that only moves is in two places for a while, never in none. If one that moves
 * cannot be put where it is to be, it stays where it was.
 */
export async function apply(differences: readonly Difference[], application: Application): Promise<void> {
  const work = new Applying(application)
  if (application.inPathOrder === true) {
    for (const one of differences) {
      await work.leave(one.path)
      await work.take(one)
    }
    await work.leave(undefined)
    return
  }
  const turned = differences.filter(({ before, after }) => isLeaf(before) && after?.kind === 'directory')
  const isTurned = ({ path }: Difference): boolean =>
    turned.some((one) => path === one.path || path.startsWith(`${one.path}/`))
  for (const one of differences) if (one.before === undefined && !isTurned(one)) await work.take(one)
  for (const one of differences) if (isTurned(one)) await work.take(one)
  for (const one of differences) if (isLeaf(one.before) && isLeaf(one.after)) await work.take(one)
  for (const one of differences.toReversed()) {
    if (one.after === undefined || (one.before?.kind === 'directory' && isLeaf(one.after)))
      await work.take(one)
  }
  for (const one of differences.toReversed()) await work.settle(one)
}

class Applying {
  readonly #application: Application
  /** Contents that did not get to where they are to be. */
  readonly #unplaced = new Set<string>()
  readonly #open: Difference[] = []
  readonly #refused = new Set<string>()

  constructor(application: Application) {
    this.#application = application
  }

  /** In path order: what is above the path stays open, all others are settled. */
  async leave(path: string | undefined): Promise<void> {
    for (let last = this.#open.at(-1); last !== undefined; last = this.#open.at(-1)) {
      if (path !== undefined && path.startsWith(`${last.path}/`)) return
      this.#open.pop()
      if (last.after?.kind !== 'directory') await this.#take(last)
      await this.settle(last)
    }
  }

  async take(difference: Difference): Promise<void> {
    const { before, after } = difference
    if (this.#application.inPathOrder === true) {
      if (before?.kind === 'directory' || after?.kind === 'directory') this.#open.push(difference)
      if (before?.kind === 'directory' && after?.kind !== 'directory') return
    }
    await this.#take(difference)
  }

  async #take({ path, before, after }: Difference): Promise<void> {
    if ([...this.#refused].some((above) => path.startsWith(`${above}/`))) return
    if (path === '' || (before?.kind === 'directory' && after?.kind === 'directory')) return
    const { disk, step, problem } = this.#application
    if (before !== undefined && before.kind !== 'directory' && this.#unplaced.has(contentOf(before))) {
      problem(path, 'conflict', 'its content could not be put where it is to be')
      return this.#failed(after)
    }
    const node = after && after.kind !== 'directory' ? await this.#make(after) : undefined
    await step(after === undefined ? `remove ${path}` : `place ${path}`)
    // The check and the operation are one: what lies between them on a real disk is too short for this world.
    const here = disk.at(path)
    if (isEntry(path, here, after)) return
    if (here === undefined && before === undefined && after !== undefined && this.#isRefused(path)) {
      problem(path, 'failed', 'no such name here')
      this.#refused.add(path)
      // Its content is in the history: it need not stay where it was.
      return this.#application.onRefused(path, after)
    }
    if (this.#application.isDenied(path)) {
      problem(path, 'failed', 'permission denied')
      return this.#failed(after)
    }
    if (!isEntry(path, here, before)) {
      problem(path, 'conflict', 'changed meanwhile')
      return this.#failed(after)
    }
    if (here?.kind === 'directory' && here.entries.size > 0) {
      problem(path, 'not-empty', 'holds something')
      return this.#failed(after)
    }
    if (here !== undefined && (after === undefined || after.kind === 'directory'))
      disk.remove(path, this.#now())
    if (after === undefined) return
    const done =
      after.kind === 'directory'
        ? disk.makeDirectory(path, after.mode, after.mtimeNs)
        : disk.place(path, node!, this.#now())
    if (done) return
    problem(path, 'failed', 'there is no such directory')
    this.#failed(after)
  }

  async #make(entry: Entry): Promise<Node> {
    const { disk, read } = this.#application
    if (entry.kind === 'symlink') return disk.newLink(entry.target, entry.mtimeNs)
    return disk.newFile(await read(entry), entry.mode, entry.mtimeNs)
  }

  #isRefused(path: string): boolean {
    return (
      this.#application.isRefused(path) && this.#application.disk.directory(directoryOf(path)) !== undefined
    )
  }

  #failed(after: Entry | undefined): void {
    if (after !== undefined && after.kind !== 'directory') this.#unplaced.add(contentOf(after))
  }

  /** Gives a directory its metadata, when nothing is done in it any more. */
  async settle({ path, before, after }: Difference): Promise<void> {
    if (after?.kind !== 'directory' || this.#refused.has(path)) return
    if ([...this.#refused].some((above) => path.startsWith(`${above}/`))) return
    const { disk, step, problem } = this.#application
    await step(`settle ${path}/`)
    const here = disk.directory(path)
    if (here === undefined) return problem(path, 'conflict', 'changed meanwhile')
    const expected = before?.kind === 'directory' ? before.mode : after.mode
    if (here.mode !== expected && here.mode !== after.mode)
      return problem(path, 'conflict', 'changed meanwhile')
    if (here.mode !== after.mode) disk.setMode(path, after.mode)
    if (here.mtimeNs !== after.mtimeNs) disk.setTime(path, after.mtimeNs)
  }

  #now(): bigint {
    return this.#application.now()
  }
}

function isLeaf(entry: Entry | undefined): boolean {
  return entry !== undefined && entry.kind !== 'directory'
}

function contentOf(entry: Entry): string {
  return entry.kind === 'file'
    ? `file ${entry.content?.id}`
    : `symlink ${entry.kind === 'symlink' && entry.target}`
}

/** Whether what stands there is what a tree says; of a directory only that it is one. */
function isEntry(path: string, node: Node | undefined, entry: Entry | undefined): boolean {
  if (node === undefined || entry === undefined) return node === undefined && entry === undefined
  if (node.kind === 'directory' || entry.kind === 'directory') return node.kind === entry.kind
  return equalEntries(leafEntry(nameOf(path), node, idOf), entry)
}
