import type { BigIntStats } from 'node:fs'
import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import type { ContentItem } from '../../object/content.ts'
import { readId, writeId } from '../../object/id.ts'
import { storedTime } from '../system/file-stat.ts'
import type { SystemPath } from '../system/paths.ts'

/** What a file must still be while it is read, for its bytes to be those of one moment. */
export interface FileIdentity {
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** A file to read, cut and store. Its size is more than 0. */
export interface FileJob extends FileIdentity {
  readonly path: SystemPath
}

export interface ReadResult {
  readonly status: 'stable' | 'unstable'
  readonly items: readonly ContentItem[]
  /** What was read, which may be newer than what was asked for. `renewed` tells. */
  readonly size: number
  readonly mtimeNs: bigint
  readonly renewed: boolean
}

/** How it went. */
export type FileResult = ReadResult | { readonly status: 'unreadable'; readonly message: string }

export function sameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.size === b.size && a.ino === b.ino
}

export function identityOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats | FileIdentity): FileIdentity {
  return { ino, size, mtimeNs: storedTime(mtimeNs), ctimeNs }
}

/** Jobs and results travel between threads as a few flat arrays: objects would cost more than the reading. */
export interface PackedJobs {
  readonly paths: readonly SystemPath[]
  readonly numbers: BigInt64Array<ArrayBuffer>
}

export function packJobs(jobs: readonly FileJob[]): PackedJobs {
  const numbers = new BigInt64Array(4 * jobs.length)
  for (const [n, job] of jobs.entries()) {
    numbers.set([BigInt.asIntN(64, job.ino), job.size, job.mtimeNs, job.ctimeNs], 4 * n)
  }
  return { paths: jobs.map((job) => job.path), numbers }
}

export function* unpackJobs({ paths, numbers }: PackedJobs): Generator<FileJob> {
  for (const [n, path] of paths.entries()) {
    const [ino, size, mtimeNs, ctimeNs] = numbers.subarray(4 * n, 4 * n + 4)
    yield {
      // A copied Buffer arrives as a plain Uint8Array.
      path: typeof path === 'string' ? path : Buffer.from(path),
      ino: BigInt.asUintN(64, ino!),
      size: size!,
      mtimeNs: mtimeNs!,
      ctimeNs: ctimeNs!,
    }
  }
}

const statuses = ['stable', 'unstable', 'unreadable'] as const

export function writeResult(writer: Writer, result: FileResult): void {
  writer.u8(statuses.indexOf(result.status))
  if (result.status === 'unreadable') {
    writer.prefixed(new TextEncoder().encode(result.message))
    return
  }
  writer
    .u8(result.renewed ? 1 : 0)
    .varint(result.size)
    .i64(result.mtimeNs)
    .varint(result.items.length)
  for (const item of result.items) {
    writer.varint(item.length * 2 + (item.id === undefined ? 1 : 0))
    if (item.id !== undefined) writeId(writer, item.id)
  }
}

export function readResult(reader: Reader): FileResult {
  const status = statuses[reader.u8()]
  if (status === undefined) throw reader.fail('unknown status')
  if (status === 'unreadable') {
    return { status, message: new TextDecoder().decode(reader.prefixed(65_536)) }
  }
  const renewed = reader.u8() === 1
  const size = reader.varint()
  const mtimeNs = reader.i64()
  const items: ContentItem[] = []
  for (let left = reader.varint(); left > 0; left--) {
    const tagged = reader.varint()
    items.push({ length: Math.floor(tagged / 2), id: tagged % 2 === 1 ? undefined : readId(reader) })
  }
  return { status, items, size, mtimeNs, renewed }
}
