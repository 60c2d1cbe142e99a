import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join, relative } from 'node:path'

/** What is at a name: a file by its number, a directory, or nothing. */
type Place = number | 'directory' | undefined

type Step =
  | { readonly kind: 'name'; readonly path: string; readonly place: Place }
  | { readonly kind: 'write'; readonly file: number; readonly bytes: Buffer }
  /** What had been done before step `since` to a file, or to the names in a directory, is on the disk. */
  | { readonly kind: 'forced'; readonly what: number | string; readonly since: number }

/**
 * Notes what this process does to the files below a directory by Node's calls, from its construction on, so that the disk can be had
 * as a power cut at any moment may leave it. Modules that keep `fsync` as they find it must be loaded after.
 *
 * As POSIX has it: the names in a directory are sure when the directory was forced, what is in a file when the file was. Of all
 * else any part may be there: each name as it was at any moment since it was sure, each file cut off or with zeros in it. A
 * file that was forced before it got a second name has its first name for sure, as on ext4, XFS and Btrfs.
 */
export class RecordedDisk {
  readonly #root: string
  readonly #steps: Step[] = []
  readonly #open = new Map<number, { file?: number; path: string }>()
  readonly #names = new Map<string, Place>()
  readonly #firstNames = new Map<number, { path: string; step: number }>()
  #files = 0

  constructor(root: string) {
    this.#root = root
    this.#patch()
  }

  /** How much has been done: a moment. */
  get length(): number {
    return this.#steps.length
  }

  #name(path: string, place: Place): void {
    this.#names.set(path, place)
    this.#steps.push({ kind: 'name', path, place })
  }

  #below(path: unknown): string | undefined {
    const below = relative(this.#root, String(path))
    // As `dirname` has it.
    return below.startsWith('..') ? undefined : below || '.'
  }

  #patch(): void {
    const real = { ...fs }
    const patched = {
      openSync: (path: string, flags?: string | number, mode?: number): number => {
        const descriptor = real.openSync(path, flags ?? 'r', mode)
        const below = this.#below(path)
        if (below === undefined) return descriptor
        let place = this.#names.get(below)
        if (flags === 'wx') {
          place = this.#files++
          this.#firstNames.set(place, { path: below, step: this.#steps.length })
          this.#name(below, place)
        }
        this.#open.set(descriptor, {
          ...(typeof place === 'number' ? { file: place } : {}),
          path: below,
        })
        return descriptor
      },
      closeSync: (descriptor: number): void => {
        this.#open.delete(descriptor)
        real.closeSync(descriptor)
      },
      writeSync: (descriptor: number, bytes: Uint8Array, start: number, length: number): number => {
        const written = real.writeSync(descriptor, bytes, start, length)
        const file = this.#open.get(descriptor)?.file
        if (file !== undefined)
          this.#steps.push({
            kind: 'write',
            file,
            bytes: Buffer.from(bytes.subarray(start, start + written)),
          })
        return written
      },
      fsync: (descriptor: number, done: (error: Error | null) => void): void => {
        const since = this.#steps.length
        const opened = this.#open.get(descriptor)
        real.fsync(descriptor, (error) => {
          if (opened !== undefined && error === null)
            this.#steps.push({ kind: 'forced', what: opened.file ?? opened.path, since })
          done(error)
        })
      },
      linkSync: (from: string, to: string): void => {
        real.linkSync(from, to)
        const [old, path] = [this.#below(from), this.#below(to)]
        if (old !== undefined && path !== undefined) this.#name(path, this.#names.get(old))
      },
      renameSync: (from: string, to: string): void => {
        real.renameSync(from, to)
        const [old, path] = [this.#below(from), this.#below(to)]
        if (old === undefined || path === undefined) return
        this.#name(path, this.#names.get(old))
        this.#name(old, undefined)
      },
      unlinkSync: (path: string): void => {
        real.unlinkSync(path)
        const below = this.#below(path)
        if (below !== undefined) this.#name(below, undefined)
      },
      mkdirSync: (path: string, mode?: fs.MakeDirectoryOptions | number): void => {
        real.mkdirSync(path, mode)
        const below = this.#below(path)
        if (below !== undefined) this.#name(below, 'directory')
      },
      // Forcing a new file forces its name: see `namesComeAlong` in src/store/durable.ts.
      statfsSync: (): { type: number } => ({ type: 0xef53 }),
    }
    Object.assign(fs, patched)
    syncBuiltinESMExports()
  }

  /** Makes `target` what a power cut at `moment` may leave; `random` gives numbers in [0, 1). */
  afterPowerCut(moment: number, target: string, random: () => number): void {
    const steps = this.#steps.slice(0, moment)
    const forced = steps.filter((step) => step.kind === 'forced')
    const sureSince = (what: number | string): number =>
      Math.max(0, ...forced.filter((step) => step.what === what).map((step) => step.since))
    const places = new Map<string, { step: number; place: Place }[]>()
    for (const [step, entry] of steps.entries()) {
      if (entry.kind !== 'name') continue
      const history = places.get(entry.path) ?? [{ step: -1, place: undefined }]
      history.push({ step, place: entry.place })
      places.set(entry.path, history)
    }
    const contents = this.#contents(steps, sureSince, random)
    fs.mkdirSync(target)
    const made = new Map<number, string>()
    for (const path of [...places.keys()].toSorted()) {
      const history = places.get(path)!
      let sure = sureSince(dirname(path))
      for (const [file, first] of this.#firstNames)
        if (first.path === path && sureSince(file) > first.step) sure = Math.max(sure, first.step + 1)
      const since = history.findLastIndex(({ step }) => step < sure)
      const { place } = history[since + Math.floor(random() * (history.length - since))]!
      const at = join(target, path)
      if (place === undefined || !fs.existsSync(dirname(at))) continue
      const other = typeof place === 'number' ? made.get(place) : undefined
      if (place === 'directory') fs.mkdirSync(at)
      else if (other !== undefined) fs.linkSync(other, at)
      else {
        fs.writeFileSync(at, contents(place))
        made.set(place, at)
      }
    }
  }

  #contents(
    steps: readonly Step[],
    sureSince: (what: number) => number,
    random: () => number,
  ): (file: number) => Buffer {
    const sure = new Map<number, Buffer[]>()
    const all = new Map<number, Buffer[]>()
    for (const [step, entry] of steps.entries()) {
      if (entry.kind !== 'write') continue
      for (const to of step < sureSince(entry.file) ? [all, sure] : [all])
        to.set(entry.file, [...(to.get(entry.file) ?? []), entry.bytes])
    }
    return (file) => {
      const least = Buffer.concat(sure.get(file) ?? [])
      const most = Buffer.concat(all.get(file) ?? [])
      if (least.length === most.length) return most
      const kind = Math.floor(random() * 4)
      if (kind === 0) return most
      if (kind === 1) return least
      const cut = least.length + Math.floor(random() * (most.length - least.length))
      return kind === 2
        ? most.subarray(0, cut)
        : Buffer.concat([most.subarray(0, cut), Buffer.alloc(most.length - cut)])
    }
  }
}
