import { corrupt, TidemarkError } from '../errors.ts'
import { isRandomId } from '../object/snapshot.ts'

/** What a folder's `.tidemark/folder.json` says. */
export interface FolderSettings {
  readonly format: 'tidemark folder'
  readonly version: 1
  /** Names the folder on all its peers: 32 hexadecimal digits. */
  readonly folder: string
  /** Names this copy of it. */
  readonly device: string
  /** Where its history is kept: a place as `openBucket` takes it; a relative one is relative to `.tidemark`. */
  readonly repository: string
  /**
   * `kept`: every version of every file. `none`: only the timeline (snapshots and trees); contents come from
   * the working copy, as long as it has them.
   */
  readonly history: 'kept' | 'none'
}

export const settingsName = 'folder.json'

export function encodeSettings(settings: FolderSettings): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(settings, undefined, 2)}\n`)
}

/** Throws `corrupt`, or `unsupported` for those of a newer program. */
export function decodeSettings(bytes: Uint8Array): FolderSettings {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new TidemarkError('corrupt', `${settingsName}: not a JSON document`, { cause: error })
  }
  const { format, version, folder, device, repository, history } = (value ?? {}) as Record<string, unknown>
  if (format !== 'tidemark folder') throw corrupt(settingsName, 'not the settings of a folder')
  if (version !== 1)
    throw new TidemarkError('unsupported', `${settingsName}: made by a newer Tidemark: update this one`)
  if (typeof folder !== 'string' || !isRandomId(folder)) throw corrupt(settingsName, 'bad folder id')
  if (typeof device !== 'string' || !isRandomId(device)) throw corrupt(settingsName, 'bad device id')
  if (typeof repository !== 'string' || repository === '') throw corrupt(settingsName, 'no repository')
  if (history !== 'kept' && history !== 'none')
    throw corrupt(settingsName, 'history is neither kept nor none')
  return { format, version, folder, device, repository, history }
}
