import { nameToBytes, type Name } from '../bytes/name.ts'
import type { FileEntry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { equalContent } from '../tree/equal-entries.ts'
import { readContent } from '../tree/read-content.ts'

/** How two files differ: by a patch, or why there is none. */
export type TextDiff =
  | { readonly kind: 'equal' }
  /** A unified diff, in the bytes of the files: `patch -p1` takes it, whatever their encoding. */
  | {
      readonly kind: 'text'
      readonly patch: Uint8Array<ArrayBuffer>
      readonly added: number
      readonly removed: number
    }
  | { readonly kind: 'binary' }
  /** One of them is larger than `maxSize`. */
  | { readonly kind: 'too-large' }
  /** No diff was found within `timeoutMs`. */
  | { readonly kind: 'too-different' }

export interface TextDiffOptions extends CallOptions {
  /** What the files are called in the patch. */
  readonly from?: Name | undefined
  readonly to?: Name | undefined
  /** Lines of context; 3 by default. */
  readonly context?: number | undefined
  /** Larger files are not compared; 8 MiB by default. */
  readonly maxSize?: number | undefined
  /** How long to look for a diff; 2000 milliseconds by default. */
  readonly timeoutMs?: number | undefined
}

/** A file with a zero byte among its first ones is binary: the rule of git and diff. */
const probe = 8192

/** The difference of two files line by line; a side that is left out is empty. */
export async function diffTexts(
  store: Store,
  before: FileEntry | undefined,
  after: FileEntry | undefined,
  options: TextDiffOptions = {},
): Promise<TextDiff> {
  const { maxSize = 8 * 1024 * 1024, context = 3, timeoutMs = 2000, signal } = options
  const [sizeBefore, sizeAfter] = [before?.size ?? 0, after?.size ?? 0]
  if (sizeBefore === sizeAfter && equalContent(before?.content, after?.content)) return { kind: 'equal' }
  if ((await isBinary(store, before, signal)) || (await isBinary(store, after, signal)))
    return { kind: 'binary' }
  if (Math.max(sizeBefore, sizeAfter) > maxSize) return { kind: 'too-large' }

  const [old, now] = [await readText(store, before, signal), await readText(store, after, signal)]
  if (old === now) return { kind: 'equal' }
  const { structuredPatch } = await import('diff')
  const patch = structuredPatch('', '', old, now, undefined, undefined, { context, timeout: timeoutMs })
  if (patch === undefined) return { kind: 'too-different' }
  const lines = [
    `--- ${before ? header('a/', options.from ?? before.name) : '/dev/null'}`,
    `+++ ${after ? header('b/', options.to ?? after.name) : '/dev/null'}`,
  ]
  let [added, removed] = [0, 0]
  for (const hunk of patch.hunks) {
    lines.push(`@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`)
    for (const line of hunk.lines) {
      if (line.startsWith('+')) added++
      else if (line.startsWith('-')) removed++
      lines.push(line)
    }
  }
  const text = `${lines.join('\n')}\n`
  return { kind: 'text', patch: new Uint8Array(Buffer.from(text, 'latin1')), added, removed }
}

async function isBinary(
  store: Store,
  file: FileEntry | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (file === undefined) return false
  for await (const piece of readContent(store, file, { end: probe, signal }))
    if (piece.includes(0)) return true
  return false
}

/**
 * A file as text of one character a byte: lines are compared as bytes, and the patch gives each back as it
 * was, valid in its encoding or not.
 */
async function readText(
  store: Store,
  file: FileEntry | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (file === undefined) return ''
  const pieces: Uint8Array[] = []
  for await (const piece of readContent(store, file, { signal })) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

/** A name as git and GNU diff write it, in quotes where it would not be safe, one character a byte. */
function header(prefix: string, name: Name): string {
  const bytes = Buffer.from(nameToBytes(prefix + name)).toString('latin1')
  // oxlint-disable-next-line no-control-regex
  const unsafe = /[\u0000-\u001f"\\\u007f]/g
  if (!unsafe.test(bytes)) return bytes.includes(' ') ? `${bytes}\t` : bytes
  const escaped = bytes.replace(unsafe, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`
    return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`
  })
  return `"${escaped}"`
}

/** Line numbers of one side of a hunk. An empty side is said to stand behind a line. */
function range(start: number, lines: number): string {
  return lines === 1 ? `${start}` : `${lines === 0 ? start - 1 : start},${lines}`
}
