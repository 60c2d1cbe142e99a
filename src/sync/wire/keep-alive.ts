import { setImmediate } from 'node:timers/promises'
import { TidemarkError } from '../../errors.ts'
import type { Time } from '../../store/time.ts'
import { pause } from './pause.ts'

/** Milliseconds. */
export interface Quiet {
  /** The other side must have begun to speak by then. */
  readonly greeting: number
  /** After so much silence it is asked whether it is there, and after so much it is taken for gone. */
  readonly ask: number
  readonly gone: number
}

export const usualQuiet: Quiet = { greeting: 15_000, ask: 15_000, gone: 45_000 }

/** What keeping alive needs of a connection. */
interface Listener {
  readonly name: string
  /** When anything came last. */
  heardAt(): number
  isGreeted(): boolean
  ping(): void
  fail(error: TidemarkError): void
}

/** Watches over the other side until `signal` is aborted or it is taken for gone. */
export async function keepAlive(
  quiet: Quiet,
  time: Time,
  signal: AbortSignal,
  listener: Listener,
): Promise<void> {
  const began = time.now()
  /** The ping that is out was sent after this. */
  let askedAfter = -1
  while (!signal.aborted) {
    const { wait, error } = look()
    if (wait > 0) {
      await pause(time, Math.min(wait, quiet.ask), signal)
      continue
    }
    // Whoever was held up himself has yet to read what came meanwhile.
    for (let turns = 0; turns < 3; turns++) await setImmediate()
    if (look().wait > 0 || signal.aborted) continue
    listener.fail(error)
    return
  }

  function look(): { wait: number; error: TidemarkError } {
    const heardAt = listener.heardAt()
    const silence = time.now() - heardAt
    if (!listener.isGreeted()) {
      const wait = began + quiet.greeting - time.now()
      return {
        wait,
        error: new TidemarkError('timeout', `${listener.name}: no greeting within ${quiet.greeting} ms`),
      }
    }
    const error = new TidemarkError('timeout', `${listener.name}: no sign of life for ${quiet.gone} ms`)
    if (silence < quiet.ask) return { wait: quiet.ask - silence, error }
    if (askedAfter !== heardAt) listener.ping()
    askedAfter = heardAt
    return { wait: quiet.gone - silence, error }
  }
}
