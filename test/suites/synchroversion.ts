import { spawnSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The steps of the old program's exec(), for tests of what it leaves behind; `stopAfter` is where it is killed. */
export interface OldOptions {
  readonly stamp: string
  readonly stopAfter?: 'state' | 'full' | 'unlink'
  readonly retain?: number
}

/** Records `content` in `root/name` as the old program does, with GNU diff, link by link. */
export function oldRecord(root: string, name: string, content: Uint8Array, options: OldOptions): void {
  const place = join(root, name)
  const latest = join(place, 'latest.txt')
  for (const directory of ['state', 'latest']) mkdirSync(join(place, directory), { recursive: true })
  if (!existsSync(latest)) writeFileSync(latest, '')
  const current = join(place, `${name}aB3dE6`)
  const difference = join(place, `${name}zY8xW5`)
  writeFileSync(current, content)
  const labels = ['--label', 'previous', '--label', 'current']
  writeFileSync(
    difference,
    spawnSync('diff', ['-u', ...labels, latest, current], { maxBuffer: 1 << 28 }).stdout,
  )
  try {
    if (readFileSync(difference).length === 0) return
    linkUnlessThere(difference, join(place, 'state', `${options.stamp}.txt`))
    if (options.stopAfter === 'state') return
    linkUnlessThere(current, join(place, 'latest', `${options.stamp}.txt`))
    if (options.stopAfter === 'full') return
    rmSync(latest)
    if (options.stopAfter === 'unlink') return
    linkSync(current, latest)
  } finally {
    rmSync(current)
    rmSync(difference)
  }
  const fulls = readdirSync(join(place, 'latest')).toSorted().toReversed()
  for (const file of fulls.slice(options.retain ?? 3)) rmSync(join(place, 'latest', file))
}

/** link() warns and goes on when the name is taken: so the old program loses a version. */
function linkUnlessThere(from: string, to: string): void {
  if (!existsSync(to)) linkSync(from, to)
}

/** What the old program's latest() returns. */
export function oldLatest(root: string, name: string): Buffer {
  const place = join(root, name, 'latest')
  const last = readdirSync(place).toSorted().at(-1)
  return last === undefined ? Buffer.alloc(0) : readFileSync(join(place, last))
}

/** The contents that a shell script gets by applying `state/*` in order of their names to an empty file. */
export function oldReplay(root: string, name: string, scratch: string): Buffer[] {
  const text = join(scratch, 'replayed.txt')
  writeFileSync(text, '')
  const place = join(root, name, 'state')
  return readdirSync(place)
    .toSorted()
    .map((file) => {
      const run = spawnSync('patch', ['--binary', '-s', '--no-backup-if-mismatch', text, join(place, file)])
      if (run.status !== 0)
        throw new Error(`patch refused ${file}: ${run.stdout.toString()}${run.stderr.toString()}`)
      return existsSync(text) ? readFileSync(text) : Buffer.alloc(0)
    })
}
