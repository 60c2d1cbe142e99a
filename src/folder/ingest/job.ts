import { nameToBytes } from '../../bytes/name.ts'
import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import type { ContentItem } from '../../object/content.ts'
import type { Xattr } from '../../object/entry.ts'
import { readId, writeId } from '../../object/id.ts'
import type { FileStat } from '../system/file-stat.ts'
import type { SystemPath } from '../system/paths.ts'

/** What a file must still be while it is read, for its bytes to be those of one moment. */
export interface FileIdentity {
  readonly ino: bigint
  /** Bytes. */
  readonly size: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** A file to read, cut and store. Its size is more than 0. */
export interface FileJob {
  /** The folder's root, which `path` begins with. */
  readonly root: string
  readonly path: SystemPath
  /** As it was looked at. */
  readonly identity: FileIdentity
  /** Read it soon after it was written. On other threads, which are for many files, there is no such hurry. */
  readonly quick?: boolean | undefined
}

export interface ReadResult {
  readonly status: 'stable' | 'unstable'
  readonly items: readonly ContentItem[]
  readonly size: number
  readonly mtimeNs: bigint
  readonly xattrs: readonly Xattr[]
  /** Why some of its attributes could not be read. */
  readonly lost: string | undefined
  /** Set when what was read is not just what was asked for: what it is instead. */
  readonly renewed: Renewed | undefined
}

/** The metadata of a file that has changed, or has been replaced, since it was looked at. */
export type Renewed = Pick<FileStat, 'mode' | 'uid' | 'gid'>

/** How it went. */
export type FileResult = ReadResult | { readonly status: 'unreadable'; readonly message: string }

export function sameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.size === b.size && a.ino === b.ino
}

/** Jobs and results travel between threads as a few flat arrays: objects would cost more than the reading. */
export interface PackedJobs {
  readonly root: string
  readonly paths: readonly SystemPath[]
  readonly numbers: BigInt64Array<ArrayBuffer>
}

export function packJobs(jobs: readonly FileJob[]): PackedJobs {
  const numbers = new BigInt64Array(4 * jobs.length)
  const sizes = new Float64Array(numbers.buffer)
  let at = 0
  for (const { identity } of jobs) {
    numbers[at] = BigInt.asIntN(64, identity.ino)
    sizes[at + 1] = identity.size
    numbers[at + 2] = identity.mtimeNs
    numbers[at + 3] = identity.ctimeNs
    at += 4
  }
  return { root: jobs[0]?.root ?? '', paths: jobs.map((job) => job.path), numbers }
}

export function* unpackJobs({ root, paths, numbers }: PackedJobs): Generator<FileJob> {
  const sizes = new Float64Array(numbers.buffer)
  let at = 0
  for (const path of paths) {
    const identity = {
      ino: BigInt.asUintN(64, numbers[at]!),
      size: sizes[at + 1]!,
      mtimeNs: numbers[at + 2]!,
      ctimeNs: numbers[at + 3]!,
    }
    // A copied Buffer arrives as a plain Uint8Array.
    yield { root, path: typeof path === 'string' ? path : Buffer.from(path), identity }
    at += 4
  }
}

const statuses = ['stable', 'unstable', 'unreadable'] as const
const [hasRenewed, hasXattrs, hasLost] = [1, 2, 4]

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function writeResult(writer: Writer, result: FileResult): void {
  writer.u8(statuses.indexOf(result.status))
  if (result.status === 'unreadable') {
    writer.prefixed(encoder.encode(result.message))
    return
  }
  const { renewed, xattrs, lost } = result
  writer.u8(
    (renewed ? hasRenewed : 0) | (xattrs.length > 0 ? hasXattrs : 0) | (lost === undefined ? 0 : hasLost),
  )
  writer.varint(result.size).i64(result.mtimeNs).varint(result.items.length)
  for (const item of result.items) {
    writer.varint(item.length * 2 + (item.id === undefined ? 1 : 0))
    if (item.id !== undefined) writeId(writer, item.id)
  }
  if (renewed) writer.varint(renewed.mode).varint(renewed.uid).varint(renewed.gid)
  if (xattrs.length > 0) {
    writer.varint(xattrs.length)
    for (const { name, value } of xattrs) writer.prefixed(nameToBytes(name)).prefixed(value)
  }
  if (lost !== undefined) writer.prefixed(encoder.encode(lost))
}

export function readResult(reader: Reader): FileResult {
  const status = statuses[reader.u8()]
  if (status === undefined) throw reader.fail('unknown status')
  if (status === 'unreadable') return { status, message: readText(reader) }
  const has = reader.u8()
  const size = reader.varint()
  const mtimeNs = reader.i64()
  const items: ContentItem[] = []
  for (let left = reader.varint(); left > 0; left--) {
    const tagged = reader.varint()
    items.push({ length: Math.floor(tagged / 2), id: tagged % 2 === 1 ? undefined : readId(reader) })
  }
  const renewed =
    (has & hasRenewed) > 0 ? { mode: reader.varint(), uid: reader.varint(), gid: reader.varint() } : undefined
  const xattrs = (has & hasXattrs) > 0 ? readAttributes(reader) : none
  const lost = (has & hasLost) > 0 ? readText(reader) : undefined
  return { status, items, size, mtimeNs, xattrs, lost, renewed }
}

/** The kernel lets no attribute be longer; messages are much shorter. */
const mostText = 65_536

const none: readonly Xattr[] = []

function readAttributes(reader: Reader): Xattr[] {
  const xattrs: Xattr[] = []
  for (let left = reader.varint(); left > 0; left--)
    xattrs.push({ name: reader.name(mostText), value: reader.prefixed(mostText).slice() })
  return xattrs
}

function readText(reader: Reader): string {
  return decoder.decode(reader.prefixed(mostText))
}
