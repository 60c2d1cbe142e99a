import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import type { Found } from './look.ts'
import type { Noted, OriginOptions } from './origin-options.ts'
import type { OriginState } from './origin-state.ts'
import { readEntry, type ReadEntry } from './read-entry.ts'

export interface DescribeOptions extends Pick<OriginOptions, 'signal' | 'onProgress' | 'onProblem'> {
  readonly directory: string
  readonly state: OriginState
  /** Files that changed while they were read are added. */
  readonly unstable: Name[]
}

/** What is found becomes changes: files are read, and those that are as they were are left out. */
export async function* describe(found: Iterable<Found>, options: DescribeOptions): AsyncGenerator<Noted> {
  const { state, unstable, signal, onProgress } = options
  let [looked, bytes] = [0, 0]
  for (const { path, stat, listed } of found) {
    if (signal?.aborted === true) throw new TidemarkError('cancelled', 'publishing was cancelled')
    looked++
    bytes += stat?.kind === 'file' ? stat.size : 0
    onProgress?.({ looked, bytes })
    if (stat === undefined) {
      yield { path, type: 'delete' }
      continue
    }
    const entry = await read(path, stat, options)
    if (entry === 'unstable') unstable.push(path)
    else if (entry === 'gone') {
      if (listed !== undefined) yield { path, type: 'delete' }
    } else if (entry !== undefined) {
      if (listed?.detail === entry.detail) state.put(path, { ...listed, stamp: entry.stamp })
      else yield { path, type: 'new', ...entry }
    }
  }
}

/** Undefined when it cannot be read. */
async function read(
  path: Name,
  stat: NonNullable<Found['stat']>,
  { directory, onProblem }: DescribeOptions,
): Promise<ReadEntry | 'gone' | 'unstable' | undefined> {
  try {
    return await readEntry(directory, path, stat)
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    if (error.code === 'missing') return 'gone'
    onProblem?.(path, error)
    return undefined
  }
}
