import { lstatSync } from 'node:fs'
import { displayName } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import type { Folder } from '../../folder/folder.ts'
import { childPath } from '../../folder/system/paths.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { takeSnapshot } from '../../history/snapshot.ts'
import type { ConflictCopy } from '../../sync/conflict-copies.ts'
import { planResolution, resolveConflict } from '../../sync/resolve-conflict.ts'
import type { Keep, Resolution } from '../../sync/resolve-conflict.ts'
import type { Context } from '../context.ts'
import type { Exit } from '../exit-codes.ts'

export async function settleConflicts(
  context: Context,
  folder: Folder,
  copies: readonly ConflictCopy[],
  keep: Keep,
  dryRun: boolean,
): Promise<Exit | undefined> {
  const given = new Set<Name>()
  const plans = copies.map((copy) => {
    const plan = planResolution(copy, keep, (path) => given.has(path) || isThere(folder.root, path))
    if (plan.movedTo !== undefined) given.add(plan.movedTo)
    return plan
  })
  let recorded
  if (!dryRun && folder.settings.history === 'kept') {
    const { id, parent } = await takeSnapshot(folder, { signal: context.signal })
    recorded = id ?? parent
  }
  for (const plan of plans) {
    if (!dryRun) resolveConflict(folder.root, plan)
    await tell(context, plan, dryRun)
  }
  if (recorded !== undefined) await context.note(`both versions are in snapshot ${shortId(recorded)}`)
  return undefined
}

function isThere(root: string, path: Name): boolean {
  return lstatSync(childPath(root, path), { throwIfNoEntry: false }) !== undefined
}

async function tell(context: Context, plan: Resolution, dryRun: boolean): Promise<void> {
  const { copy, keep, removed, movedTo } = plan
  if (context.json) {
    const { path, original } = copy
    await context.printJson({
      path,
      original,
      keep,
      removed: removed ?? null,
      movedTo: movedTo ?? null,
      dryRun,
    })
    return
  }
  const would = dryRun ? 'would be ' : ''
  const [path, original] = [displayName(copy.path), displayName(copy.original)]
  if (keep === 'original') await context.tell(`${path} ${would}deleted`)
  else if (keep === 'copy') await context.tell(`${original} ${would}replaced by ${path}`)
  else await context.tell(`${path} ${would}renamed to ${displayName(movedTo!)}`)
}
