import { resolve } from 'node:path'
import { displayName } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { LoggedSnapshot } from '../history/log.ts'

interface KnownFolder {
  readonly folder: string
  /** Where it was when the newest of its snapshots was taken. */
  readonly path: string
  readonly host: string
}

/** The folders that snapshots (newest first) are of. */
function foldersOf(snapshots: readonly LoggedSnapshot[]): KnownFolder[] {
  const found = new Map<string, KnownFolder>()
  for (const { snapshot } of snapshots) {
    if (!found.has(snapshot.folder)) found.set(snapshot.folder, snapshot)
  }
  return [...found.values()]
}

export function areOfSeveralFolders(snapshots: readonly LoggedSnapshot[]): boolean {
  const [first] = snapshots
  return snapshots.some(({ snapshot }) => snapshot.folder !== first?.snapshot.folder)
}

/** What each folder is called, by its id: a text that {@link chooseFolder} takes, the shortest that tells it from the others. */
export function nameFolders(snapshots: readonly LoggedSnapshot[]): ReadonlyMap<string, string> {
  const folders = foldersOf(snapshots)
  const forms = [
    ({ path }: KnownFolder) => path,
    ({ path, host }: KnownFolder) => `${host}:${path}`,
    ({ folder }: KnownFolder) => folder,
  ]
  const names = folders.map((folder): [string, string] => {
    const form = forms.find((form) => folders.filter((other) => form(other) === form(folder)).length === 1)
    return [folder.folder, (form ?? forms.at(-1)!)(folder)]
  })
  return new Map(names)
}

/**
 * The snapshots of the folder that `--of` names: by a path at which it was, with or without its host, or by its id. Of
 * several the one with the newest snapshot. Throws `missing`.
 */
export function chooseFolder(
  snapshots: readonly LoggedSnapshot[],
  of: string,
  workingDirectory: string,
): LoggedSnapshot[] {
  const path = resolve(workingDirectory, of)
  const found = snapshots.find(
    ({ snapshot: { folder, path: was, host } }) =>
      was === of || was === path || `${host}:${was}` === of || folder === of,
  )
  if (found === undefined)
    throw new TidemarkError('missing', `no snapshot is of ${displayName(of)}; there are ${list(snapshots)}`)
  return snapshots.filter(({ snapshot }) => snapshot.folder === found.snapshot.folder)
}

/** What to answer when one folder is needed and there are several. */
export function severalFolders(snapshots: readonly LoggedSnapshot[], what: string): TidemarkError {
  const problem = `${what}: of which folder? Choose with --of, or name the snapshot by its id; there are`
  return new TidemarkError('usage', `${problem} ${list(snapshots)}`)
}

function list(snapshots: readonly LoggedSnapshot[]): string {
  const names = [...nameFolders(snapshots).values()].map(displayName)
  const shown = names.slice(0, 10).join(', ')
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown || 'no snapshots'
}
