import { lstatSync } from 'node:fs'
import { resolve } from 'node:path'
import { displayName } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { openFolder } from '../../folder/folder.ts'
import type { Folder } from '../../folder/folder.ts'
import { childPath } from '../../folder/system/paths.ts'
import { WorkingCopyStore } from '../../folder/working-copy-store.ts'
import { toChange } from '../../tree/change.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { takeSnapshot } from '../../history/snapshot.ts'
import { currentTree } from '../../history/status.ts'
import type { CurrentTree } from '../../history/status.ts'
import type { Entry } from '../../object/entry.ts'
import { LayeredStore } from '../../store/layered-store.ts'
import { findConflictCopies } from '../../sync/conflict-copies.ts'
import type { ConflictCopy } from '../../sync/conflict-copies.ts'
import { keeps, planResolution, resolveConflict } from '../../sync/resolve-conflict.ts'
import type { Keep, Resolution } from '../../sync/resolve-conflict.ts'
import { defineCommand } from '../command.ts'
import type { Command, OptionSpec } from '../command.ts'
import type { Context } from '../context.ts'
import type { Exit } from '../exit-codes.ts'
import { formatNumberOf, formatSize, formatTimeNs } from '../format.ts'
import { entryJson } from '../json.ts'
import { flag } from '../options.ts'
import { openContextFolder } from '../places.ts'
import { PatchPrinter } from '../patches.ts'
import { fromDisplayed, toSnapshotPath } from '../snapshot-path.ts'

const actions = ['list', 'resolve', 'diff'] as const

export const command: Command = defineCommand({
  about:
    'Lists the conflict copies of a folder: where two sides have changed the same file, the newer version has kept ' +
    'its name, and the other stands beside it as "name (conflict TIME HOST).ext". "conflicts resolve PATH --keep …" ' +
    'decides: original leaves what has the name, copy gives the name to the copy, both makes an ordinary file of the ' +
    'copy. A snapshot is taken first where history is kept, so that nothing is lost. "conflicts diff PATH" shows how ' +
    'they differ. PATH is that of the copy, or the original where it has only one.',
  arguments: [
    {
      name: '[action]',
      summary: 'list, resolve, diff; or a folder, whose conflicts are listed',
      completes: actions,
    },
    { name: '[paths...]', summary: 'resolve, diff: of which conflicts', completes: 'path' },
  ],
  options: {
    keep: keepOption('--keep <which>', 'resolve: what is to have the name'),
    dryRun: flag('-n, --dry-run', 'resolve: only say what would be done'),
  },
  examples: [
    { command: 'tidemark conflicts', shows: 'what there is to decide' },
    {
      command:
        'cp notes.txt "notes (conflict 2026-11-21 20-15-03 laptop).txt" && tidemark conflicts diff notes.txt',
      shows: 'how the versions differ',
    },
    {
      command:
        'cp notes.txt "notes (conflict 2026-11-21 20-15-03 laptop).txt" && tidemark conflicts resolve notes.txt --keep copy',
      shows: 'take the version of the copy',
    },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused'],
  async run(context, [action = 'list', ...paths], options) {
    const isFolder = !actions.some((word) => word === action)
    if (isFolder && paths.length > 0)
      throw new TidemarkError('usage', `${action}: not one of ${actions.join(', ')}`)
    const folder = isFolder
      ? await openFolder(resolveHere(context, action))
      : await openContextFolder(context)
    try {
      const tree = await currentTree(folder, { signal: context.signal })
      const copies: ConflictCopy[] = []
      for await (const copy of findConflictCopies(tree.store, tree.root, context)) copies.push(copy)
      if (isFolder || action === 'list') {
        if (!isFolder && paths.length > 0) throw new TidemarkError('usage', 'conflicts list takes no path')
        await print(context, copies)
        return undefined
      }
      const chosen = choose(context, folder, copies, paths, action)
      if (action === 'diff') return await diff(context, folder, tree, chosen)
      if (options.keep === undefined)
        throw new TidemarkError('usage', `conflicts resolve needs --keep: ${keeps.join(', ')}`)
      return await settle(context, folder, chosen, options.keep, options.dryRun)
    } finally {
      folder.close()
    }
  },
})

function keepOption(flags: string, summary: string): OptionSpec<Keep | undefined> {
  return { flags, summary: `${summary} (${keeps.join(', ')})`, parse: parseKeep, completes: keeps }
}

function parseKeep(text: string): Keep {
  const keep = keeps.find((word) => word === text)
  if (keep !== undefined) return keep
  throw new TidemarkError('usage', `${text}: not one of ${keeps.join(', ')}`)
}

function resolveHere(context: Context, path: string): string {
  return resolve(context.workingDirectory, context.options.folder ?? '', path)
}

async function print(context: Context, copies: readonly ConflictCopy[]): Promise<void> {
  let last: Name | undefined
  for (const copy of copies) {
    if (context.json) {
      await context.printJson(copyJson(copy))
      continue
    }
    if (copy.original !== last) {
      await context.print(context.out.style('bold', displayName(copy.original)))
      await context.print(`  kept  ${describe(copy.kept)}`)
    }
    last = copy.original
    const host = copy.host === '' ? '' : `  ${displayName(copy.host)}`
    await context.print(`  copy  ${describe(copy.entry)}${host}  ${displayName(copy.path)}`)
  }
  await context.out.flush()
  const many =
    copies.length === 0 ? 'no conflicts' : formatNumberOf(copies.length, 'conflict copy', 'conflict copies')
  await context.note(
    copies.length === 0 ? many : `${many} (tidemark conflicts resolve PATH --keep original|copy|both)`,
  )
}

function describe(entry: Entry): string {
  const size = entry.kind === 'file' ? formatSize(entry.size) : entry.kind
  return `${formatTimeNs(entry.mtimeNs)}  ${size.padStart(9)}`
}

function copyJson({ path, entry, original, kept, host }: ConflictCopy): object {
  return { path, original, host, copy: entryJson(path, entry), kept: entryJson(original, kept) }
}

/** The conflicts that the user named. */
function choose(
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

async function diff(
  context: Context,
  folder: Folder,
  tree: CurrentTree,
  copies: readonly ConflictCopy[],
): Promise<Exit | undefined> {
  const working = new WorkingCopyStore(folder.root, tree.store, tree.root)
  try {
    const printer = new PatchPrinter(context, new LayeredStore([tree.store, working]))
    for (const { path, entry, original, kept } of copies) {
      const change = toChange({ path, before: kept, after: entry })
      if (change !== undefined) await printer.print({ ...change, from: original })
    }
    await context.out.flush()
    return undefined
  } finally {
    working.close()
  }
}

async function settle(
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
