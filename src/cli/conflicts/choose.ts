import { resolve } from 'node:path'
import { displayName } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import type { Folder } from '../../folder/folder.ts'
import type { ConflictCopy } from '../../sync/conflict-copies.ts'
import type { Context } from '../context.ts'
import { fromDisplayed, toSnapshotPath } from '../snapshot-path.ts'

/** The conflicts that the user named. */
export function chooseConflicts(
  context: Context,
  folder: Folder,
  copies: readonly ConflictCopy[],
  paths: readonly string[],
  action: string,
): ConflictCopy[] {
  if (paths.length === 0) throw new TidemarkError('usage', `conflicts ${action} takes the path of a conflict`)
  const base = { workingDirectory: resolveHere(context, ''), root: folder.root }
  return paths.map((text) => {
    const meant = [text, fromDisplayed(text)].filter((form) => form !== undefined)
    const names = new Set(meant.map((form) => toSnapshotPath(form, base)))
    const exact = copies.find(({ path }) => names.has(path))
    if (exact !== undefined) return exact
    const found = copies.filter(({ original }) => names.has(original))
    if (found.length === 1) return found[0]!
    const [name = text] = names
    if (found.length === 0)
      throw new TidemarkError('missing', `${displayName(name)}: no conflict (tidemark conflicts lists them)`)
    const all = found.map(({ path }) => displayName(path)).join(', ')
    throw new TidemarkError('usage', `${displayName(name)} has several copies, name one of them: ${all}`)
  })
}

export function resolveHere(context: Context, path: string): string {
  return resolve(context.workingDirectory, context.options.folder ?? '', path)
}
