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

export function usageOf(child: ChildProcess): Usage {
  let [cpu, megabytes] = [0, 0]
  const add = (pid: number): void => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      // Each thread has its own.
      const children = readdirSync(`/proc/${pid}/task`)
        .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'))
        .join(' ')
      const isInstrument = instruments.test(command)
      // utime, stime, and those of children that were waited for; behind the name, which may have spaces.
      const times = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ').slice(11, 15)
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
      if (!isInstrument) {
        cpu += times.reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond
        megabytes += Number(peak?.[1] ?? 0) / 1024
      }
      for (const below of children.trim().split(' ')) if (below !== '') add(Number(below))
    } catch {
      // It has just ended.
    }
  }
  add(child.pid!)
  return { cpu, megabytes }
}

/** Seconds of processor time that the whole machine has spent. */
export function machineCpu(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .map(Number)
  return (user! + nice! + system! + irq! + softirq! + steal!) / ticksPerSecond
}
