import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { initFolder, type Folder } from '../../../src/folder/folder.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import type { Last } from '../../../src/history/taking.ts'
import type { Store } from '../../../src/store/store.ts'
import { lookUp } from '../../../src/tree/directory.ts'
import { equalEntries } from '../../../src/tree/equal-entries.ts'
import { directoryOf } from '../../../src/tree/path.ts'
import { walkTree } from '../../../src/tree/walk.ts'
import { advanceTo, capture } from '../../suites/advance-to.ts'
import { anyEdits, doEdit } from '../../suites/any-edits.ts'
import { anyTree, canHaveXattrs, plantAny, type AnyNode } from '../../suites/any-tree.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const numRuns = Math.ceil(15 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
const rules = '.tidemarkignore'

/** With rules that leave out everything named `a`, and no name that stands for several files. */
const anyRuledTree = anyTree({ asRoot: process.getuid?.() === 0 }).map((root): AnyNode => {
  const text = [{ hole: false, length: 1, byte: 'a'.charCodeAt(0) }]
  const { children } = simple(root)
  const own: AnyNode = {
    ...root,
    kind: 'file',
    mode: 0o644,
    xattrs: [],
    pieces: text,
    children: [],
    group: 9,
  }
  return { ...root, children: [...children, [rules, own] as const] }
})

function simple(node: AnyNode): AnyNode {
  const children = node.children
    .filter(([name]) => name.isWellFormed())
    .map(([name, child]) => [name, simple(child)] as const)
  return { ...node, children, group: 9, xattrs: canHaveXattrs(node) ? node.xattrs : [] }
}

/** The topmost paths that are left out. */
async function leftOut(folder: Folder, { snapshot }: Last): Promise<string[]> {
  const found: string[] = []
  for await (const { path } of walkTree(await folder.repository(), snapshot.root))
    if (path.split('/').indexOf('a') === path.split('/').length - 1) found.push(path)
  return found
}

async function isBelowAnother(store: Store, { snapshot }: Last, path: string): Promise<boolean> {
  for (let above = directoryOf(path); above !== ''; above = directoryOf(above)) {
    const entry = await lookUp(store, snapshot.root, above)
    if (entry !== undefined && entry.kind !== 'directory') return true
  }
  return false
}

test('what is left out of a shared folder stays in its tree, whatever is done to the rest', async (t) => {
  const parent = temporaryDirectory(t)
  let met = 0
  await fc.assert(
    fc.asyncProperty(anyRuledTree, anyRuledTree, anyEdits, async (one, two, edits) => {
      const root = `${parent}/folder`
      rmSync(root, { recursive: true, force: true })
      rmSync(`${root}-aside`, { recursive: true, force: true })
      mkdirSync(root)
      const folder = await initFolder(root)
      try {
        await folder.noteHeld({ selected: undefined })
        const first = await advanceTo(folder, await capture(folder), (store) => plantAny(store, one))
        assert.equal(first.head.id, first.to.id)
        const { head, to, done } = await advanceTo(folder, first.head, (store) => plantAny(store, two))
        // A directory that is to be a file, but holds what is left out, is in the way.
        if (!done) return
        assert.equal(head.id, to.id)
        assert.equal((await takeSnapshot(folder)).id, undefined)

        for (const edit of edits) doEdit(root, edit)
        rmSync(`${root}/${rules}`, { recursive: true, force: true })
        writeFileSync(`${root}/${rules}`, 'a')
        const own = await capture(folder)
        const store = await folder.repository()
        for (const path of await leftOut(folder, head)) {
          // Unless something above it is no directory any more.
          if (await isBelowAnother(store, own, path)) continue
          met++
          const [before, after] = [
            await lookUp(store, head.snapshot.root, path),
            await lookUp(store, own.snapshot.root, path),
          ]
          assert.ok(after !== undefined && equalEntries(before!, after), path)
        }
      } finally {
        folder.close()
      }
    }),
    { numRuns },
  )
  assert.ok(met > 0)
})
