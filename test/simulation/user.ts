import { directoryOf, joinPath } from '../../src/tree/path.ts'
import { overlap } from './disk.ts'
import type { Ledger } from './ledger.ts'
import type { SimulatedClock } from './clock.ts'
import type { SimulatedDisk } from './disk.ts'
import type { Scheduler } from './scheduler.ts'

export const names: readonly string[] = ['a', 'b', 'c.txt', 'd', 'e']

/** Whoever works with the files of one replica. */
export interface Work {
  readonly scheduler: Scheduler
  readonly ledger: Ledger
  readonly host: string
  readonly disk: SimulatedDisk
  readonly clock: SimulatedClock
  /** Whether the system would refuse to make something at a path. */
  readonly refuses: (path: string) => boolean
  /** Whether the replica is moving its files, or was stopped while it did. */
  readonly isTakingIn: () => boolean
}

/** What is written where the system refuses another name. */
const elsewhere = 'f'

type Action = (work: Work) => string | undefined

/** Each with how likely it is. What cannot be done just now is not done. */
const actions: readonly (readonly [number, Action])[] = [
  [6, create],
  [8, overwrite],
  [2, (work) => change(work, pickPath(work), 'touch')],
  [2, (work) => change(work, pickPath(work), 'chmod')],
  [6, rename],
  [5, remove],
  [3, makeDirectory],
  [2, makeLink],
  [2, rewriteEqual],
  [2, changeKind],
  [5, editLine],
]

/** Does one thing that a user may do, and has it written down. */
export function act(work: Work): void {
  const { scheduler, ledger, host, disk, isTakingIn } = work
  const sum = actions.reduce((sum, [weight]) => sum + weight, 0)
  let left = scheduler.random() * sum
  const [, action] = actions.find(([weight]) => (left -= weight) < 0) ?? actions[0]!
  const before = disk.sights()
  const story = action(work)
  if (story === undefined) return
  scheduler.note(`  ${host}: user: ${story}`)
  ledger.acted(host, before, disk.sights(), isTakingIn())
}

function pickPath({ scheduler, disk }: Work): string | undefined {
  const paths = disk.paths()
  return paths.length === 0 ? undefined : scheduler.pick(paths)
}

function pickFile(work: Work): string | undefined {
  const files = work.disk.paths().filter((path) => work.disk.at(path)!.kind === 'file')
  return files.length === 0 ? undefined : work.scheduler.pick(files)
}

/** A path in a directory that is there. */
function freshPath({ scheduler, disk, refuses }: Work): string {
  const all = disk.paths().filter((path) => disk.directory(path) !== undefined && path.split('/').length < 3)
  const path = joinPath(scheduler.pick(['', ...all]), scheduler.pick(names))
  return refuses(path) ? joinPath(directoryOf(path), elsewhere) : path
}

export function put(work: Work, path: string, text: string): void {
  const { disk, clock, scheduler, ledger } = work
  const now = clock.nowNs()
  ledger.wrote(text)
  // Editors write into a file, or put a new one in its place.
  if (scheduler.chance(0.5) && disk.write(path, text, now)) return
  disk.place(path, disk.newFile(text, scheduler.chance(0.8) ? 0o644 : 0o755, now), now)
}

function create(work: Work): string | undefined {
  const path = freshPath(work)
  if (work.disk.at(path) !== undefined) return undefined
  const lines = Array.from({ length: work.scheduler.pick([1, 1, 4]) }, () => work.ledger.newText(work.host))
  put(work, path, lines.join('\n'))
  return `write ${path} (${lines.join(',')})`
}

function overwrite(work: Work): string | undefined {
  const path = pickFile(work)
  if (path === undefined) return undefined
  const text = work.ledger.newText(work.host)
  put(work, path, text)
  return `overwrite ${path} (${text})`
}

/** Adds, replaces or deletes one line of many. */
function editLine(work: Work): string | undefined {
  const { scheduler, disk, ledger, host } = work
  const path = pickFile(work)
  const node = path === undefined ? undefined : disk.at(path)
  if (path === undefined || node?.kind !== 'file') return undefined
  const lines = node.text.split('\n').filter((line) => line !== '')
  const at = scheduler.below(lines.length + 1)
  const kind = scheduler.pick(['add', 'add', 'replace', 'delete'])
  if (kind !== 'add' && (at === lines.length || lines.length < 2)) return undefined
  lines.splice(at, kind === 'add' ? 0 : 1, ...(kind === 'delete' ? [] : [ledger.newText(host)]))
  put(work, path, lines.join('\n') + (scheduler.chance(0.5) ? '\n' : ''))
  return `${kind} line ${at} of ${path}, which is ${lines.join(',')} now`
}

function change(
  { disk, clock, scheduler }: Work,
  path: string | undefined,
  what: string,
): string | undefined {
  if (path === undefined || disk.at(path)!.kind === 'symlink') return undefined
  if (what === 'touch') disk.setTime(path, clock.nowNs())
  else
    disk.setMode(
      path,
      disk.at(path)!.kind === 'file' ? scheduler.pick([0o600, 0o644, 0o755]) : scheduler.pick([0o700, 0o755]),
    )
  return `${what} ${path}`
}

function rename(work: Work): string | undefined {
  const { disk, clock, ledger } = work
  const from = pickPath(work)
  const to = freshPath(work)
  if (from === undefined || overlap(from, to)) return undefined
  const over = disk.at(to)
  // As rename(2) has it, but that files and directories may take each other's place.
  if (over?.kind === 'directory' && over.entries.size > 0) return undefined
  const below = disk.paths(from).map((path) => path.slice(from.length))
  ledger.moved(['', ...below].map((rest) => [from + rest, to + rest]))
  disk.rename(from, to, clock.nowNs())
  return `rename ${from} to ${to}`
}

function remove(work: Work): string | undefined {
  const path = pickPath(work)
  if (path === undefined) return undefined
  // Whole directories less often: else little ever stays.
  if (work.disk.directory(path)?.entries.size !== undefined && work.scheduler.chance(0.5)) return undefined
  work.disk.remove(path, work.clock.nowNs())
  return `remove ${path}`
}

function makeDirectory(work: Work): string | undefined {
  const path = freshPath(work)
  return work.disk.makeDirectory(path, 0o755, work.clock.nowNs()) ? `mkdir ${path}` : undefined
}

function makeLink(work: Work): string | undefined {
  const path = freshPath(work)
  if (work.disk.directory(path) !== undefined) return undefined
  const now = work.clock.nowNs()
  const target = work.ledger.newText(work.host)
  work.ledger.wrote(target)
  work.disk.place(path, work.disk.newLink(target, now), now)
  return `symlink ${path} (${target})`
}

/** A content that is known already, of this path or another one. */
function rewriteEqual(work: Work): string | undefined {
  const [path, other] = [pickFile(work), pickFile(work)]
  if (path === undefined || other === undefined) return undefined
  const to = work.scheduler.chance(0.5) ? path : freshPath(work)
  const node = work.disk.at(to === path ? path : other)
  if (node?.kind !== 'file' || work.disk.directory(to) !== undefined) return undefined
  // Who deletes the first one later has moved it, for all that others can see.
  if (to !== path) work.ledger.moved([[other, to]])
  put(work, to, node.text)
  return `copy ${to === path ? path : other} to ${to}`
}

function changeKind(work: Work): string | undefined {
  const path = pickPath(work)
  if (path === undefined) return undefined
  const { disk, clock } = work
  const now = clock.nowNs()
  if (disk.directory(path) === undefined) {
    disk.remove(path, now)
    disk.makeDirectory(path, 0o755, now)
    return `make ${path} a directory`
  }
  if (disk.directory(path)!.entries.size > 2) return undefined
  disk.remove(path, now)
  const text = work.ledger.newText(work.host)
  put(work, path, text)
  return `make ${path} a file (${text})`
}
