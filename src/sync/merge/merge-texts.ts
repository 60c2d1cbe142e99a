import ignore from 'ignore'
import { isTidemarkError } from '../../errors.ts'
import { chunkClass } from '../../object/chunk-class.ts'
import { createChunker } from '../../object/chunker.ts'
import { buildContent, type ContentItem, type ContentRef } from '../../object/content.ts'
import type { DirectoryEntry, Entry, FileEntry } from '../../object/entry.ts'
import { idOf, type Id } from '../../object/id.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { findEntry } from '../../tree/directory.ts'
import { readContent } from '../../tree/read-content.ts'
import { diff3 } from './diff3.ts'
import type { MergeText } from './merge-directories.ts'
import type { Put } from './new-nodes.ts'

/** A file of this name in the root of the base says, as .gitignore does, which files are texts to be merged by line. */
export const textRulesFile = '.tidemarkmerge'

/** In bytes: of the rules, and of a text. */
const maxRules = 1024 * 1024
const maxText = 8 * 1024 * 1024

/** Chunks and lists of merged texts on their way to whoever keeps them. */
export interface TextPuts {
  readonly put: Put
  readonly putContent: Put
}

/**
 * Merges texts that the base names in its rules. What is no text, or whose base is not there, is left to be a
 * conflict; so is a text of which both sides have changed the same lines.
 */
export async function textMerger(
  store: Store,
  base: DirectoryEntry | undefined,
  puts: TextPuts,
  options: CallOptions,
): Promise<MergeText> {
  const rules = base && (await findEntry(store, base, textRulesFile, options))
  const patterns =
    rules?.kind === 'file' && rules.size <= maxRules ? await readText(store, rules, options) : ''
  if (patterns === undefined || patterns.trim() === '') return async () => undefined
  const texts = ignore({ ignorecase: false }).add(patterns)

  return async (path, before, left, right) => {
    if (!texts.ignores(path)) return undefined
    const versions: string[] = []
    for (const version of [before, left, right]) {
      const text = version && (await readVersion(store, version, options))
      if (text === undefined) return undefined
      versions.push(text)
    }
    const [old, ours, theirs] = versions as [string, string, string]
    const merged = await diff3(old, ours, theirs)
    return merged === undefined ? undefined : keepText(new TextEncoder().encode(merged), puts)
  }
}

async function readVersion(store: Store, entry: Entry, options: CallOptions): Promise<string | undefined> {
  if (entry.kind !== 'file' || entry.unreadable || entry.size > maxText) return undefined
  const text = await readText(store, entry, options)
  return text?.includes('\0') === true ? undefined : text
}

/** Undefined when it is not UTF-8, or not to be had any more. */
async function readText(store: Store, file: FileEntry, options: CallOptions): Promise<string | undefined> {
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of readContent(store, file, options)) pieces.push(piece)
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return undefined
    throw error
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces))
  } catch {
    return undefined
  }
}

/** Cut and listed as a snapshot would. */
async function keepText(
  bytes: Uint8Array<ArrayBuffer>,
  { put, putContent }: TextPuts,
): Promise<{ size: number; content: ContentRef | undefined }> {
  const chunker = createChunker(Math.max(bytes.length, 1))
  chunker.memory.set(bytes)
  const size = chunkClass(bytes.length)
  const items: ContentItem[] = []
  for (let start = 0; start < bytes.length;) {
    const end = chunker.cut(start, bytes.length, size)
    const chunk = bytes.subarray(start, end)
    const id = idOf(chunk)
    await putContent(id, chunk)
    items.push({ length: chunk.length, id })
    start = end
  }
  const lists: [Id, Uint8Array][] = []
  const content = buildContent(items, (list) => {
    const id = idOf(list)
    lists.push([id, list])
    return id
  })
  for (const [id, list] of lists) await put(id, list)
  return { size: bytes.length, content }
}
