import { spawn, type ChildProcess } from 'node:child_process'

/** A process that is to be killed at some moment. */
export interface Victim {
  readonly child: ChildProcess
  /** Resolves when it has said something on its standard output, or has ended. */
  readonly begun: Promise<void>
  /** Resolves with the signal that ended it. */
  readonly ended: Promise<NodeJS.Signals | null>
  /** Is aborted when it has ended: there is nothing to wait for any more. */
  readonly isOver: AbortSignal
}

/** Runs a script with our Node. */
export function startVictim(script: URL, args: readonly string[]): Victim {
  const child = spawn(process.execPath, [script.pathname, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const over = new AbortController()
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once('close', (_code, signal) => {
      over.abort()
      resolve(signal)
    })
  })
  const spoken = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
  return { child, begun: Promise.race([spoken, ended.then(() => undefined)]), ended, isOver: over.signal }
}
