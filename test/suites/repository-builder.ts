import { compareNames } from '../../src/bytes/name.ts'
import { buildContent, decodeList, type ContentItem, type ContentRef } from '../../src/object/content.ts'
import type { DirectoryEntry, Entry } from '../../src/object/entry.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import type { Snapshot } from '../../src/object/snapshot.ts'
import { buildLeaves, buildNodes, decodeLeaf, decodeNode, type TreeNodeItem } from '../../src/object/tree.ts'
import type { RepositoryWriter } from '../../src/store/repository/repository-writer.ts'
import type { Repository } from '../../src/store/repository/repository.ts'
import { directoryEntry, fileEntry } from './plant.ts'

/** What a folder of a test holds: a text or bytes are a file, an object is a directory. */
export interface Plan {
  readonly [name: string]: string | Uint8Array | Plan
}

/** Small, so that contents of a few kilobytes have lists. */
const chunkSize = 1024

/** Writes a folder as a snapshot does, lists and trees among the metadata, every chunk through the writer. */
export async function writeTree(writer: RepositoryWriter, plan: Plan, name = ''): Promise<DirectoryEntry> {
  const metadata: [Id, Uint8Array][] = []
  const emit = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    metadata.push([id, bytes])
    return id
  }
  const entries: Entry[] = []
  for (const [name, what] of Object.entries(plan)) {
    const bytes = typeof what === 'string' ? new TextEncoder().encode(what) : what
    if (!(bytes instanceof Uint8Array)) {
      entries.push(await writeTree(writer, bytes, name))
      continue
    }
    const items: ContentItem[] = []
    for (let at = 0; at < bytes.length; at += chunkSize) {
      const chunk = bytes.subarray(at, at + chunkSize)
      await writer.putData(idOf(chunk), chunk)
      items.push({ length: chunk.length, id: idOf(chunk) })
    }
    entries.push(fileEntry(name, bytes.length, buildContent(items, emit)))
  }
  entries.sort((a, b) => compareNames(a.name, b.name))
  const leaves: TreeNodeItem[] = []
  for (const { bytes, first, count } of buildLeaves(entries)) leaves.push({ id: emit(bytes), first, count })
  const content = buildNodes(leaves, emit)
  for (const [id, bytes] of metadata) await writer.putMetadata(id, bytes)
  return directoryEntry(name, entries, content)
}

export const testFolder: string = 'f0'.repeat(16)

/** A snapshot of `root`; `more` replaces what tests care about. */
export function snapshotOf(root: DirectoryEntry, more: Partial<Snapshot> = {}): Snapshot {
  const place = { folder: testFolder, device: 'd0'.repeat(16), host: 'test', path: '/test' }
  const about = {
    time: 0,
    parents: [],
    clock: [],
    message: '',
    tags: [],
    unreadable: 0,
    unstable: 0,
    program: 'test',
    contents: true,
  }
  return { ...place, ...about, root, ...more }
}

/** Writes a folder and its snapshot under a lease of its own. */
export async function writeSnapshot(
  repository: Repository,
  plan: Plan,
  more: Partial<Snapshot> = {},
): Promise<Id> {
  const writer = await repository.write()
  try {
    return await writer.publish(snapshotOf(await writeTree(writer, plan), more))
  } finally {
    await writer.close()
  }
}

/** Reads back all that {@link writeSnapshot} wrote: an independent, simple reader. */
export async function readSnapshot(repository: Repository, id: Id): Promise<Plan> {
  return readDirectory(repository, (await repository.snapshots.read(id)).root.content)
}

async function readDirectory(repository: Repository, content: ContentRef | undefined): Promise<Plan> {
  const plan: Record<string, Plan[string]> = {}
  for (const entry of await readEntries(repository, content)) {
    if (entry.kind === 'directory') plan[entry.name] = await readDirectory(repository, entry.content)
    else if (entry.kind === 'file') plan[entry.name] = await readFile(repository, entry.content)
  }
  return plan
}

/** The entries of a directory, without what is below them. */
export async function readEntries(repository: Repository, content: ContentRef | undefined): Promise<Entry[]> {
  if (content === undefined) return []
  const bytes = await repository.get(content.id)
  if (content.depth === 0) return decodeLeaf(bytes)
  const entries: Entry[] = []
  for (const { id } of decodeNode(bytes, content.depth))
    entries.push(...(await readEntries(repository, { id, depth: content.depth - 1 })))
  return entries
}

async function readFile(repository: Repository, content: ContentRef | undefined): Promise<string> {
  if (content === undefined) return ''
  const bytes = await repository.get(content.id)
  if (content.depth === 0) return Buffer.from(bytes).toString('latin1')
  let text = ''
  for (const { id, length } of decodeList(bytes, content.depth)) {
    if (id === undefined) text += '\0'.repeat(length)
    else text += await readFile(repository, { id, depth: content.depth - 1 })
  }
  return text
}
