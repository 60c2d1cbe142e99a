import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** A process that is to be killed at some moment. */
export interface Victim {
  readonly child: ChildProcess
  /** Resolves when it has said something on its standard output, or has ended. */
  readonly begun: Promise<void>
  /** Resolves with the signal that ended it. */
  readonly ended: Promise<NodeJS.Signals | null>
}

/** Runs a script with our Node. */
export function startVictim(script: URL, args: readonly string[]): Victim {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once('close', (_code, signal) => resolve(signal))
  })
  const spoken = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
  return { child, begun: Promise.race([spoken, ended.then(() => undefined)]), ended }
}

/**
 * Kills a process at a moment when `holds`, on a machine of any speed: it is stopped after a while, looked at, and goes
 * on while there is nothing to hit. `pause` says how many milliseconds each time.
 */
export async function killWhen(
  child: ChildProcess,
  holds: () => boolean,
  pause: () => number,
): Promise<void> {
  for (;;) {
    await setTimeout(pause())
    child.kill('SIGSTOP')
    while (isRunning(child)) await setTimeout(1)
    if (hasEnded(child)) throw new Error(`the process ended by itself: ${child.exitCode ?? child.signalCode}`)
    if (holds()) break
    child.kill('SIGCONT')
  }
  child.kill('SIGKILL')
}

/** Whether some thread has not come to a stop yet. */
function isRunning(child: ChildProcess): boolean {
  if (hasEnded(child)) return false
  const tasks = `/proc/${child.pid}/task`
  try {
    return readdirSync(tasks).some((task) => {
      const stat = readFileSync(`${tasks}/${task}/stat`, 'latin1')
      return !/^[TtZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
    })
  } catch {
    // One has just ended.
    return true
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
