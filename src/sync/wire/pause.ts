import type { Time } from '../../store/time.ts'

/** Waits so many milliseconds, or until `signal` is aborted. Never rejects. */
export async function pause(time: Time, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0 || signal.aborted) return
  try {
    await time.sleep(milliseconds, signal)
  } catch {
    // Woken early.
  }
}
