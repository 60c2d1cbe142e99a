import type { Exit } from './exit-codes.ts'

/** Ctrl-C and SIGTERM as an AbortSignal; the second of them ends the process at once. */
export interface Interruption {
  readonly signal: AbortSignal
  /** How the process ends when it was interrupted; undefined when it was not. */
  exit(): Exit | undefined
  /** From now on signals end the process as they end any other. */
  release(): void
}

const exits = { SIGINT: 'interrupted', SIGTERM: 'terminated' } as const
const codes = { SIGINT: 130, SIGTERM: 143 } as const

/** `onStopping` is called at the first signal, to tell a person that it was heard. */
export function catchSignals(onStopping: () => void): Interruption {
  const controller = new AbortController()
  let exit: Exit | undefined
  const stop = (signal: keyof typeof exits): void => {
    if (exit !== undefined) process.exit(codes[signal])
    exit = exits[signal]
    onStopping()
    controller.abort(new Error(signal))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  const release = (): void => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  return { signal: controller.signal, exit: () => exit, release }
}
