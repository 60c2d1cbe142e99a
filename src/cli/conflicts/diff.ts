import type { Folder } from '../../folder/folder.ts'
import { WorkingCopyStore } from '../../folder/working-copy-store.ts'
import type { CurrentTree } from '../../history/status.ts'
import { LayeredStore } from '../../store/layered-store.ts'
import type { ConflictCopy } from '../../sync/conflict-copies.ts'
import { toChange } from '../../tree/change.ts'
import type { Context } from '../context.ts'
import type { Exit } from '../exit-codes.ts'
import { PatchPrinter } from '../patches.ts'

export async function diffConflicts(
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
