import { compareBytes, equalBytes } from '../../bytes/compare.ts'
import { compareNames, type Name } from '../../bytes/name.ts'
import { Writer } from '../../bytes/writer.ts'
import type { Entry, Xattr } from '../../object/entry.ts'
import { encodeEntry } from '../../object/entry-codec.ts'

/** What an entry says besides what it holds. */
export type Metadata = Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'xattrs'>

/**
 * The order that decides where nothing else does: the later mtime is greater, then the larger file, then the greater
 * encoding. 0 for equal entries only, so that it is the same wherever it is asked.
 */
export function compareAge(a: Entry, b: Entry): number {
  if (a.mtimeNs !== b.mtimeNs) return a.mtimeNs < b.mtimeNs ? -1 : 1
  const [one, other] = [a.kind === 'file' ? a.size : 0, b.kind === 'file' ? b.size : 0]
  return one === other ? compareEncodings(a, b) : one - other
}

/** By the bytes that stand for them in trees. */
export function compareEncodings(a: Entry, b: Entry): number {
  return compareBytes(encode(a), encode(b))
}

function encode(entry: Entry): Uint8Array {
  const writer = new Writer()
  encodeEntry(writer, entry)
  return writer.finish()
}

/**
 * One of three values: what one side alone has changed since the base is that side's; what both have changed, in
 * different ways, is that of the newer.
 */
export function pickField<T>(
  [base, left, right]: readonly [base: T | undefined, left: T, right: T],
  equal: (a: T, b: T) => boolean,
  isLeftNewer: boolean,
): T {
  if (equal(left, right)) return left
  if (base !== undefined && equal(base, left)) return right
  if (base !== undefined && equal(base, right)) return left
  return isLeftNewer ? left : right
}

/** Field by field: the mode, the owners, the time (of which the later counts), and each extended attribute. */
export function mergeMetadata(
  base: Entry | undefined,
  left: Entry,
  right: Entry,
  isLeftNewer: boolean,
): Metadata {
  const owner = pickField([base, left, right], (a, b) => a.uid === b.uid && a.gid === b.gid, isLeftNewer)
  return {
    mode: pickField([base?.mode, left.mode, right.mode], Object.is, isLeftNewer),
    uid: owner.uid,
    gid: owner.gid,
    mtimeNs: pickField([base?.mtimeNs, left.mtimeNs, right.mtimeNs], Object.is, left.mtimeNs > right.mtimeNs),
    xattrs: mergeXattrs(base?.xattrs ?? [], left.xattrs, right.xattrs, isLeftNewer),
  }
}

/** An attribute that is not there is a value like others, and none were there without a base. */
function mergeXattrs(
  base: readonly Xattr[],
  left: readonly Xattr[],
  right: readonly Xattr[],
  isLeftNewer: boolean,
): readonly Xattr[] {
  if (left.length === 0 && right.length === 0) return left
  const merged: Xattr[] = []
  const [before, ours, theirs] = [byName(base), byName(left), byName(right)]
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].toSorted(compareNames)
  for (const name of names) {
    const values = [before.get(name) ?? null, ours.get(name) ?? null, theirs.get(name) ?? null] as const
    const value = pickField(values, equalValues, isLeftNewer)
    if (value) merged.push({ name, value })
  }
  return merged
}

function byName(xattrs: readonly Xattr[]): Map<Name, Uint8Array> {
  return new Map(xattrs.map(({ name, value }) => [name, value]))
}

function equalValues(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b)
}
