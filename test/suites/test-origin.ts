import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { newSigningKey, type SigningKey } from '../../src/hash/ed25519.ts'
import { toHex } from '../../src/bytes/hex.ts'
import { encodeSketch, Sketch } from '../../src/reconcile/index.ts'
import {
  aggregate,
  compareEpochs,
  emptyFile,
  encodeHead,
  intervalsOf,
  parseRecentfile,
  printDetail,
  serialise,
  toBase64Url,
  update,
  type Change,
  type Detail,
  type Head,
  type Producer,
  type RecentEvent,
  type Recentfile,
  type Shelf,
} from '../../src/recent/index.ts'

export interface OriginKind {
  /** Whether events tell what came, as ours do and the Perl program's do not. */
  readonly details?: boolean
  readonly head?: boolean
  readonly signed?: boolean
  /** The head tells the sum of the tree, and a sketch of it stands beside. */
  readonly sum?: boolean
  readonly suffix?: '.yaml' | '.json'
}

/** Seconds are cheap here: an hour is 20 of them. */
const intervals = ['5s', '20s', '80s', '320s', 'Z'] as const

/** An origin kept by hand, with a clock of its own: what the old program does, and our head beside it. */
export class TestOrigin {
  readonly root: string
  readonly kind: OriginKind
  /** Microseconds since 1970. */
  clock = 1_700_000_000_000_000
  readonly key: SigningKey = newSigningKey()
  #sequence = 0
  #pending: Change[] = []

  constructor(root: string, kind: OriginKind = {}) {
    this.root = root
    this.kind = kind
    mkdirSync(root, { recursive: true })
    const [interval, ...aggregator] = intervals
    const { suffix = '.yaml' } = kind
    this.#save(update(emptyFile({ interval, aggregator, suffix }), [], this.#producer))
    symlinkSync(this.indexName(interval), join(root, 'RECENT.recent'))
    this.publish()
  }

  get #producer(): Producer {
    return { now: () => (this.clock / 1e6).toFixed(5), names: { $0: 'test' } }
  }

  get publicKey(): string {
    return toBase64Url(this.key.publicKey)
  }

  indexName(interval: string): string {
    return `RECENT-${interval}${this.kind.suffix ?? '.yaml'}`
  }

  read(interval: string): Recentfile | undefined {
    const path = join(this.root, this.indexName(interval))
    return existsSync(path) ? parseRecentfile(readFileSync(path)) : undefined
  }

  #save(file: Recentfile): void {
    const path = join(this.root, this.indexName(file.meta.interval))
    writeFileSync(`${path}.new`, serialise(file))
    utimesSync(`${path}.new`, this.clock / 1e6, this.clock / 1e6)
    renameSync(`${path}.new`, path)
  }

  get #shelf(): Shelf {
    return {
      read: (interval) => this.read(interval),
      writtenAt: (interval) => {
        const path = join(this.root, this.indexName(interval))
        return existsSync(path) ? Math.floor(statSync(path).mtimeMs / 1000) : undefined
      },
      write: (file) => this.#save(file),
    }
  }

  /** Seconds go by. */
  wait(seconds: number): void {
    this.clock += Math.round(seconds * 1e6)
  }

  write(path: string, content: string, mode = 0o644): void {
    const file = join(this.root, path)
    this.#clear(file)
    mkdirSync(dirname(file), { recursive: true })
    rmSync(file, { force: true, recursive: true })
    writeFileSync(`${file}.tmp`, content, { mode })
    const time = Math.floor(this.clock / 1e6)
    utimesSync(`${file}.tmp`, time, time)
    renameSync(`${file}.tmp`, file)
    this.tell(path)
  }

  /** A file where a directory is needed goes, and is told of. */
  #clear(file: string): void {
    for (let at = dirname(file); at !== this.root; at = dirname(at)) {
      const kind = this.#kind(at)
      if (kind === undefined || kind === 'directory') continue
      rmSync(at)
      this.#pending.push({ path: at.slice(this.root.length + 1), type: 'delete' })
    }
    if (this.#kind(file) === 'directory') {
      for (const below of this.#filesBelow(file)) this.#pending.push({ path: below, type: 'delete' })
    }
  }

  /** What is at a path; nothing is what lies behind a link or a file. */
  #kind(file: string): 'file' | 'directory' | 'link' | undefined {
    const above = dirname(file)
    if (above !== this.root && above.length > this.root.length && this.#kind(above) !== 'directory')
      return undefined
    const stat = lstatSync(file, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    return stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'file'
  }

  #filesBelow(directory: string): string[] {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.root.length + 1))
  }

  link(path: string, target: string): void {
    const file = join(this.root, path)
    this.#clear(file)
    mkdirSync(dirname(file), { recursive: true })
    rmSync(file, { force: true, recursive: true })
    symlinkSync(target, file)
    this.tell(path)
  }

  makeDirectory(path: string): void {
    this.#clear(join(this.root, path, 'x'))
    mkdirSync(join(this.root, path), { recursive: true })
    this.tell(path)
  }

  delete(path: string): void {
    const file = join(this.root, path)
    const kind = this.#kind(file)
    if (kind === undefined || kind === 'directory') return
    rmSync(file)
    this.#pending.push({ path, type: 'delete' })
    this.#removeEmptied(file)
  }

  /** Directories that have become empty go, too; an origin that keeps them tells of them. */
  #removeEmptied(file: string): void {
    for (let at = dirname(file); at !== this.root; at = dirname(at)) {
      try {
        rmdirSync(at)
      } catch {
        break
      }
    }
  }

  move(from: string, to: string): void {
    const [source, target] = [join(this.root, from), join(this.root, to)]
    if (this.#kind(source) !== 'file' || this.#kind(target) !== undefined || to.startsWith(`${from}/`)) return
    this.#clear(target)
    mkdirSync(dirname(target), { recursive: true })
    renameSync(source, target)
    this.#pending.push({ path: from, type: 'delete' })
    this.#removeEmptied(source)
    this.tell(to)
  }

  /** Notes that `path` is what it is now. */
  tell(path: string, epoch?: string): void {
    const detail = this.kind.details === false ? undefined : printDetail(detailOf(join(this.root, path)))
    const change: Change = { path, type: 'new', ...(epoch === undefined ? {} : { epoch }) }
    this.#pending.push(detail === undefined ? change : { ...change, detail })
  }

  /** A change told of with an epoch of the past, upon which every mirror compares everything. */
  dirty(path: string, content: string, secondsAgo: number): void {
    this.write(path, content)
    this.#pending.pop()
    this.flush()
    this.tell(path, (this.clock / 1e6 - secondsAgo).toFixed(5))
    this.flush()
    this.aggregate(true)
    this.aggregate(true)
  }

  /** Writes what was noted into the principal. */
  flush(): void {
    if (this.#pending.length === 0) return
    // A second: web servers tell versions of a file apart by their times.
    this.clock += 1_000_000
    this.#save(update(this.read(intervals[0])!, this.#pending, this.#producer))
    this.#pending = []
    this.publish()
  }

  aggregate(force = false): void {
    this.flush()
    // A second: web servers tell versions of a file apart by their times.
    this.clock += 1_000_000
    aggregate(intervals[0], this.#shelf, this.#producer, { force })
    this.publish()
  }

  /** The sum and the sketch of all that is listed. */
  #sum(sequence: number): Pick<Head, 'tree' | 'sketch'> {
    const newest = new Map<string, RecentEvent>()
    for (const interval of intervals.toReversed()) {
      for (const event of this.read(interval)?.events.toReversed() ?? []) {
        const known = newest.get(event.path)
        if (known === undefined || compareEpochs(known.epoch, event.epoch) <= 0) newest.set(event.path, event)
      }
    }
    const sketch = new Sketch({ salt: new Uint8Array(16), size: 1024 })
    for (const { path, type, detail } of newest.values()) {
      if (type === 'new')
        sketch.add(
          new Uint8Array(
            createHash('sha256')
              .update(`${path}\0${detail ?? ''}`)
              .digest(),
          ),
        )
    }
    const bytes = encodeSketch(sketch)
    writeFileSync(join(this.root, 'RECENT.sketch'), bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return {
      tree: { count: sketch.root.count, root: toHex(sketch.root.sum()) },
      sketch: { name: 'RECENT.sketch', sequence, cells: 1024, sha256 },
    }
  }

  /** Writes the head. */
  publish(): void {
    if (this.kind.head !== true) return
    const principal = this.read(intervals[0])!
    const indexes = intervalsOf(principal)
      .map((interval) => this.indexName(interval))
      .filter((name) => existsSync(join(this.root, name)))
      .map((name) => {
        const bytes = readFileSync(join(this.root, name))
        return { name, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
      })
    const sequence = ++this.#sequence
    const head = {
      sequence,
      written: (this.clock / 1e6).toFixed(5),
      indexes,
      ...(this.kind.sum === true ? this.#sum(sequence) : {}),
    }
    const bytes = encodeHead(head, this.kind.signed === true ? this.key : undefined)
    writeFileSync(join(this.root, 'RECENT.head.new'), bytes)
    renameSync(join(this.root, 'RECENT.head.new'), join(this.root, 'RECENT.head'))
  }
}

function detailOf(path: string): Detail {
  const stat = lstatSync(path, { bigint: true })
  if (stat.isSymbolicLink()) return { kind: 'symlink', target: readlinkSync(path) }
  const mode = Number(stat.mode) & 0o777
  const { mtimeNs } = stat
  if (stat.isDirectory()) return { kind: 'directory', mode, mtimeNs }
  const hash = createHash('sha256').update(readFileSync(path)).digest('base64url')
  return { kind: 'file', mode, mtimeNs, size: Number(stat.size), hash }
}

/**
 * What is in a tree, for comparison: kinds, contents and targets, with modes and times of files when `exact`; no
 * bookkeeping. Empty directories count only when `exact`: without details nobody tells of them.
 */
export function contentsOf(
  root: string,
  { exact = true, indexes = false }: { readonly exact?: boolean; readonly indexes?: boolean } = {},
): Record<string, string> {
  const found: Record<string, string> = {}
  const walk = (directory: string): void => {
    for (const name of readdirSync(join(root, directory)).toSorted()) {
      const path = directory === '' ? name : `${directory}/${name}`
      if (directory === '' && (name === '.tidemark' || (!indexes && name.startsWith('RECENT')))) continue
      const stat = lstatSync(join(root, path))
      if (stat.isDirectory()) {
        if (exact && readdirSync(join(root, path)).length === 0) found[path] = 'directory'
        walk(path)
      } else if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(join(root, path))}`
      else {
        const content = readFileSync(join(root, path), 'latin1')
        found[path] =
          exact && !path.startsWith('RECENT')
            ? `${(stat.mode & 0o777).toString(8)} ${Math.floor(stat.mtimeMs)} ${content}`
            : content
      }
    }
  }
  walk('')
  return found
}
