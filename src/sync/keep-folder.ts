import { isTidemarkError, type TidemarkError } from '../errors.ts'
import { systemTime } from '../store/time.ts'
import { keepInStep } from './keep-in-step.ts'
import type { StepEvent, StepOptions, StepPeer } from './keep-in-step.ts'
import type { OpenCopy } from './link.ts'

export type KeepEvent =
  | StepEvent
  /** The folder cannot be used; it is tried again after `waitMs`. */
  | { readonly kind: 'away'; readonly error: TidemarkError; readonly waitMs: number }
  | { readonly kind: 'back' }

export interface KeepOptions extends Omit<StepOptions, 'onEvent'> {
  readonly onEvent?: ((event: KeepEvent) => void) | undefined
  /** It is waited for also when it cannot be opened the first time, whatever the reason. */
  readonly waitsForFirst?: boolean | undefined
  /** Is told of the folder whenever it has been opened. */
  readonly onOpen?: ((copy: OpenCopy) => void) | undefined
}

/** The first and the longest wait for the folder's return. */
const [leastWait, mostWait] = [1000, 30_000]

/**
 * Keeps a folder in step with its peers until `signal` is aborted. When its disk goes away it is waited for. Rejects
 * with what keeps it from being opened the first time, unless that may pass by itself.
 */
export async function keepFolder(
  open: () => Promise<OpenCopy>,
  peers: readonly StepPeer[],
  options: KeepOptions,
): Promise<void> {
  const { signal, onEvent, onOpen, waitsForFirst = false, time = systemTime, random = Math.random } = options
  let hadIt = waitsForFirst
  for (let failures = 0; !signal.aborted;) {
    try {
      const copy = await open()
      try {
        onOpen?.(copy)
        if (failures > 0) onEvent?.({ kind: 'back' })
        hadIt = true
        await keepInStep(copy.replica, peers, {
          ...options,
          onEvent: (event) => {
            if (event.kind === 'synchronized') failures = 0
            onEvent?.(event)
          },
        })
        return
      } finally {
        await copy.close().catch(() => {})
      }
    } catch (error) {
      if (signal.aborted) return
      if (!isTidemarkError(error)) throw error
      if (!hadIt && !isTidemarkError(error, 'busy', 'unavailable', 'timeout', 'full')) throw error
      const waitMs = Math.min(leastWait * 2 ** failures++, mostWait) * (0.8 + 0.4 * random())
      onEvent?.({ kind: 'away', error, waitMs })
      await time.sleep(waitMs, signal).catch(() => {})
    }
  }
}
