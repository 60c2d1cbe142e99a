import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'

/** What a running process and all below it have cost so far. */
export interface Usage {
  /** Seconds of processor time, of those that ended too. */
  readonly cpu: number
  /** Sum of the most memory that each living one has held. */
  readonly megabytes: number
}

const ticksPerSecond = 100
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

/** Starts what goes on until it is stopped, and ends with this program at the latest. */
export function start(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'inherit'], ...options })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(late)
}

/** What only measures does not count: the pipe that stands for ssh, and time(1). */
const instruments = /counting-pipe|^\/usr\/bin\/time/

/** Calls `visit` for a running process and all below it, those that only measure left out. */
function visitAll(pid: number, visit: (pid: number) => void): void {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    // Each thread has its own.
    const children = readdirSync(`/proc/${pid}/task`)
      .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'))
      .join(' ')
    if (!instruments.test(command)) visit(pid)
    for (const below of children.trim().split(' ')) if (below !== '') visitAll(Number(below), visit)
  } catch {
    // It has just ended.
  }
}

export function usageOf(child: ChildProcess): Usage {
  let [cpu, megabytes] = [0, 0]
  visitAll(child.pid!, (pid) => {
    // utime, stime, and those of children that were waited for; behind the name, which may have spaces.
    const times = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ').slice(11, 15)
    cpu += times.reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond
    megabytes += memory(pid, 'VmHWM')
  })
  return { cpu, megabytes }
}

/** Megabytes that each of a running process and those below it holds now, and held at most. */
export function memoryOf(child: ChildProcess): { readonly now: number; readonly peak: number }[] {
  const found: { now: number; peak: number }[] = []
  visitAll(child.pid!, (pid) => found.push({ now: memory(pid, 'VmRSS'), peak: memory(pid, 'VmHWM') }))
  return found
}

function memory(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
}

/** Seconds of processor time that the whole machine has spent. */
export function machineCpu(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .map(Number)
  return (user! + nice! + system! + irq! + softirq! + steal!) / ticksPerSecond
}
