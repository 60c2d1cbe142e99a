import { stateDirectory } from '../../sync/wire/identity.ts'
import { ratesOf } from '../sync/open-link.ts'
import { answerCallers } from './answer-callers.ts'
import { Keeper } from './keeper.ts'
import { KnownFolders } from './known-folders.ts'
import type { UpOptions } from './up-event.ts'
import type { UpFile } from './up-file.ts'

/** Keeps all folders of the file in step until `signal` is aborted. */
export async function runUp(file: UpFile, { signal, onEvent }: UpOptions): Promise<void> {
  const state = stateDirectory(process.env)
  const known = await KnownFolders.open(state)
  const rates = ratesOf(file.bandwidth)
  const keepers = file.folders.map((folder) => new Keeper(folder, known, rates, onEvent))
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const listening = file.listen && (await answerCallers(file.listen, keepers, state, rates, onEvent, both))
  try {
    await Promise.all(keepers.map((keeper) => keeper.run(both)))
    // Without peers of its own there is nothing to do but to listen.
  } finally {
    stop.abort()
    await listening?.close()
  }
}
