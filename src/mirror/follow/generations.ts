import { lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Name } from '../../bytes/name.ts'
import { fromSystem, TidemarkError } from '../../errors.ts'
import { directoryOf } from '../../tree/path.ts'
import { openDirectory } from '../../folder/system/directory-handle.ts'
import { isOwnPath, ownDirectory } from '../../recent/index.ts'
import { LocalTree } from './local-tree.ts'
import type { MirrorState } from './mirror-state.ts'

interface Noted {
  /** Counts the switches. */
  readonly number: number
  /** Which of the two is the current one. */
  readonly current: 0 | 1
  /** Up to which number each of them has all changes; -1: it has to be made anew. */
  readonly upTo: readonly [number, number]
  /** Milliseconds since 1970. */
  readonly switchedAt: number
}

const begun: Noted = { number: 0, current: 1, upTo: [-1, -1], switchedAt: 0 }

/**
 * A link that always leads to a tree which was complete at one moment, switched in one step. Behind it are two copies
 * of the mirror made of hard links, used in turn: the one that nobody is led to is brought up to date, path by path of
 * what has changed, and then the link is turned. So a switch costs what changed, and the copies no content.
 *
 * The copy that was left stays as it was for `grace` milliseconds at least, so that who is still reading in it can
 * come to an end; only then is it changed for the next switch. Mirror and copies must be on one file system.
 */
export class Generations {
  readonly #state: MirrorState
  readonly #tree: LocalTree
  readonly #place: string
  readonly #grace: number
  readonly #now: () => number
  #noted: Noted | undefined

  constructor(
    directory: string,
    state: MirrorState,
    tree: LocalTree,
    { grace, now }: { readonly grace: number; readonly now: () => number },
  ) {
    this.#state = state
    this.#tree = tree
    this.#place = join(directory, ownDirectory, 'generations')
    this.#grace = grace
    this.#now = now
    const text = state.get('generations')
    this.#noted = text === undefined ? undefined : (JSON.parse(text) as Noted)
  }

  /** Whether copies are kept, and so changes to be noted. */
  get kept(): boolean {
    return this.#noted !== undefined
  }

  /** Notes that something has changed at a path. */
  note(path: Name): void {
    if (this.#noted !== undefined) this.#state.touched.note(path, this.#noted.number + 1)
  }

  /** Turns the link to the tree as it is now, once the other copy may be changed. */
  async turn(link: string, signal: AbortSignal): Promise<void> {
    const noted = this.#noted ?? begun
    const which = noted.current === 0 ? 1 : 0
    const wait = noted.switchedAt + this.#grace - this.#now()
    if (wait > 0 && noted.upTo[which] >= 0) await sleep(Math.min(wait, this.#grace), undefined, { signal })
    const number = noted.number + 1
    this.#bringUp(which, noted.upTo[which])
    const upTo: [number, number] = [...noted.upTo]
    upTo[which] = number
    point(link, join(this.#place, String(which)))
    const next: Noted = { number, current: which, upTo, switchedAt: this.#now() }
    this.#state.step(() => {
      this.#state.set('generations', JSON.stringify(next))
      this.#state.touched.forget(Math.min(...upTo))
    })
    this.#noted = next
  }

  #bringUp(which: 0 | 1, upTo: number): void {
    const path = join(this.#place, String(which))
    try {
      if (upTo < 0) rmSync(path, { recursive: true, force: true })
      mkdirSync(path, { recursive: true })
    } catch (error) {
      throw fromSystem(error, `make ${path}`)
    }
    const root = openDirectory(path)
    const copy = new LocalTree(root, () => true)
    try {
      if (upTo < 0) this.#copyAll('', copy)
      else for (const path of this.#state.touched.since(upTo)) this.#copy(path, copy)
      // The indexes are few, and change with everything.
      for (const name of this.#tree.names('')) if (name.startsWith('RECENT')) this.#copy(name, copy)
    } finally {
      copy.close()
      root.close()
    }
  }

  #copyAll(directory: Name, copy: LocalTree): void {
    for (const name of this.#tree.names(directory)) {
      const path = directory === '' ? name : `${directory}/${name}`
      if (isOwnPath(path)) continue
      if (this.#tree.stat(path)?.kind !== 'directory') this.#copy(path, copy)
      else {
        copy.makeDirectory(path)
        this.#copyAll(path, copy)
      }
    }
  }

  #copy(path: Name, copy: LocalTree): void {
    const stat = this.#tree.stat(path)
    if (stat?.kind === 'file') copy.linkFrom(this.#tree, path)
    else if (stat?.kind === 'symlink') copy.placeLink(path, this.#tree.target(path))
    else if (stat?.kind === 'directory') copy.makeDirectory(path)
    else {
      copy.remove(path)
      for (let at = directoryOf(path); at !== '' && this.#tree.stat(at) === undefined; at = directoryOf(at)) {
        copy.removeDirectory(at)
      }
    }
  }
}

/** Makes `link` lead to `target` in one step. What stands there must be a link already, or nothing. */
function point(link: string, target: string): void {
  try {
    const there = lstatSync(link, { throwIfNoEntry: false })
    if (there !== undefined && !there.isSymbolicLink()) {
      throw new TidemarkError('exists', `${link} is no symbolic link: it is left as it is`)
    }
    if (there !== undefined && readlinkSync(link) === target) return
    const beside = `${link}.tidemark-${process.pid}`
    rmSync(beside, { force: true })
    symlinkSync(target, beside)
    renameSync(beside, link)
  } catch (error) {
    throw fromSystem(error, `turn ${link}`)
  }
}
