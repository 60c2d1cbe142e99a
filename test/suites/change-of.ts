import { lstatSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

/** Resolves a moment after another file has taken the place of the one at `path`; rejects when nothing does so. */
export async function changeOf(path: string, signal: AbortSignal): Promise<void> {
  const { ino } = lstatSync(path)
  while (lstatSync(path).ino === ino) await setTimeout(1, undefined, { signal })
}
