import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a command cost: seconds, and the most memory that it held at once. */
export interface Cost {
  readonly wall: number
  /** User and system together, children included. */
  readonly cpu: number
  readonly megabytes: number
}

/**
 * Runs a command to its end, as time(1) sees it. What is not written yet is written before, so that no run
 * pays for the one before it.
 */
export function measure(
  place: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Cost {
  spawnSync('sync')
  const report = join(place, 'time')
  const run = spawnSync('/usr/bin/time', ['-o', report, '-f', '%e %U %S %M', ...command], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1024 ** 3,
  })
  if (run.error) throw run.error
  if (run.status !== 0) throw new Error(`${command.join(' ')}: ${run.stderr}`)
  const [wall, user, system, kilobytes] = readFileSync(report, 'utf8').trim().split(' ').map(Number)
  return { wall: wall!, cpu: user! + system!, megabytes: kilobytes! / 1024 }
}

/** Field by field the median of several runs; memory is the largest. */
export function median(costs: readonly Cost[]): Cost {
  return {
    wall: middle(costs.map((cost) => cost.wall)),
    cpu: middle(costs.map((cost) => cost.cpu)),
    megabytes: Math.max(...costs.map((cost) => cost.megabytes)),
  }
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** Reads everything below `path`, so that it comes from memory in the run that follows. */
export function warm(path: string): void {
  spawnSync('bash', ['-c', 'tar cf - --exclude=.tidemark "$0" 2>/dev/null | cat > /dev/null', path])
}

/** The same for a repository, also for one in a `.tidemark`. */
export function warmRepository(path: string): void {
  spawnSync('bash', ['-c', 'find "$0" -type f -exec cat {} + > /dev/null', path])
}

/** One line of a table: a label, then numbers. */
export function row(label: string, cells: readonly (string | number)[]): string {
  const text = cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell).padStart(10))
  return [label.padEnd(36), ...text].join(' ')
}
