import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Name } from '../../src/bytes/name.ts'
import { nameFromBytes, nameToBytes } from '../../src/bytes/name.ts'
import { readStat } from '../../src/folder/system/file-stat.ts'
import { childPath, readNames, readTarget } from '../../src/folder/system/paths.ts'
import { SetIndex } from '../../src/reconcile/index.ts'
import { decodeSketch } from '../../src/reconcile/index.ts'
import {
  intervalsOf,
  isOrdered,
  isSignedHead,
  parseHead,
  parseIndexName,
  parseRecentfile,
  printDetail,
  sortIntervals,
  type Recentfile,
  type SignedHead,
} from '../../src/recent/index.ts'

/** All index files of a published directory, by interval. */
export function readIndex(directory: string): Recentfile[] {
  const names = readdirSync(directory).filter((name) => parseIndexName(name) !== undefined)
  const files = new Map(
    names.map((name) => [
      parseIndexName(name)!.interval,
      parseRecentfile(readFileSync(join(directory, name))),
    ]),
  )
  return sortIntervals([...files.keys()]).map((interval) => files.get(interval)!)
}

/** What a mirror makes of them: of each path what the shortest file says that knows it. */
export function listed(files: readonly Recentfile[]): Map<Name, string | undefined> {
  const known = new Set<Name>()
  const there = new Map<Name, string | undefined>()
  for (const { events } of files)
    for (const { path, type, detail } of events) {
      if (known.has(path)) continue
      known.add(path)
      if (type === 'new') there.set(path, detail)
    }
  return there
}

/**
 * What ought to be listed, found by walking: details of files, links, and directories that are empty. Directories
 * that are listed though they are not empty are allowed, and taken from `also`.
 */
export function expected(directory: string, also: ReadonlyMap<Name, string | undefined>): Map<Name, string> {
  const found = new Map<Name, string>()
  const walk = (relative: Name): boolean => {
    let isEmpty = true
    const place = relative === '' ? directory : childPath(directory, relative)
    for (const name of readNames(place)) {
      if (relative === '' && (name === '.tidemark' || /^RECENT[-.]/.test(name))) continue
      const path = relative === '' ? name : `${relative}/${name}`
      const own = childPath(directory, path)
      const { kind, mode, mtimeNs, size } = readStat(own)!
      if (kind === 'file') {
        const hash = createHash('sha256').update(readFileSync(own)).digest('base64url')
        found.set(path, printDetail({ kind, mode, mtimeNs, size, hash }))
      } else if (kind === 'symlink') found.set(path, printDetail({ kind, target: readTarget(own) }))
      else if (kind !== 'directory') continue
      else {
        const detail = printDetail({ kind, mode, mtimeNs })
        const known = also.get(path)
        // Of one that is not empty the time is not kept up.
        if (walk(path)) found.set(path, detail)
        else if (known?.startsWith(`d ${mode.toString(8)} `) === true) found.set(path, known)
      }
      isEmpty = false
    }
    return isEmpty
  }
  walk('')
  return found
}

/** The head, checked against the files it names. */
export function checkedHead(directory: string): SignedHead {
  const head = parseHead(readFileSync(join(directory, 'RECENT.head')))
  assert.ok(isSignedHead(head))
  const files = readIndex(directory)
  assert.equal(head.indexes.length, files.length)
  assert.deepEqual(
    head.indexes.map(({ name }) => parseIndexName(name)!.interval),
    intervalsOf(files[0]!),
  )
  for (const { name, size, sha256 } of head.indexes) {
    const bytes = readFileSync(join(directory, name))
    assert.equal(bytes.length, size, name)
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, name)
  }
  for (const { meta, events } of files) assert.ok(isOrdered(events), meta.interval)
  if (head.tree !== undefined) {
    const set = itemsOf(listed(files))
    assert.equal(head.tree.count, set.size)
    assert.equal(head.tree.root, Buffer.from(set.root.sum()).toString('hex'))
  }
  return head
}

/** The sketch that a head names is one of the tree as the index lists it, when it is of that very head. */
export function checkSketch(directory: string, head: SignedHead): void {
  const bytes = readFileSync(join(directory, head.sketch!.name))
  assert.equal(createHash('sha256').update(bytes).digest('hex'), head.sketch!.sha256)
  const sketch = decodeSketch(bytes)
  assert.equal(sketch.size, head.sketch!.cells)
  const own = itemsOf(listed(readIndex(directory))).sketch({ salt: sketch.key.salt, size: sketch.size })
  assert.deepEqual(sketch.cells, own.cells)
}

function itemsOf(tree: ReadonlyMap<Name, string | undefined>): SetIndex {
  const set = new SetIndex()
  for (const [path, detail] of tree) {
    set.add(
      createHash('sha256')
        .update(nameToBytes(`${path}\0${detail ?? ''}`))
        .digest(),
      undefined,
    )
  }
  return set
}

/** Index and tree agree in every detail. */
export function checkComplete(directory: string): void {
  const there = listed(readIndex(directory))
  const wanted = expected(directory, there)
  // One by one: to print how thousands differ takes very long.
  for (const [path, detail] of wanted) assert.equal(there.get(path), detail, path)
  for (const path of there.keys()) assert.ok(wanted.has(path), `${path} is listed, but not there`)
}

export function latin(...bytes: number[]): Name {
  return nameFromBytes(Uint8Array.from(bytes))
}
