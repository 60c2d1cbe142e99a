import { nameFromBytes, nameToBytes } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import type { Kind } from '../../object/entry.ts'
import { decodeEntry, encodeEntry } from '../../object/entry-codec.ts'
import type { PlacedStat } from '../scan/placed.ts'
import type { FileJob, FileResult, Seen } from './file-job.ts'
import type { ProblemCode } from './problem.ts'

/*
 * Jobs and results travel between threads as bytes: objects would cost more than the writing of a small file.
 */

const kinds: readonly Kind[] = [
  'file',
  'directory',
  'symlink',
  'fifo',
  'character-device',
  'block-device',
  'socket',
]
const noneSeen = 255
const longest = 1_000_000

/** `first` is the number of the first job; the others follow. */
export function packJobs(first: number, jobs: readonly FileJob[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(64 + 96 * jobs.length)
  writer.varint(first)
  let directory: string | undefined
  for (const job of jobs) {
    // Most files stand in the directory of the one before.
    if (job.directory === directory) writer.u8(0)
    else writer.u8(1).prefixed(nameToBytes(job.directory))
    directory = job.directory
    encodeEntry(writer, job.entry)
    writer.u8(job.check ? 1 : 0)
    writeSeen(writer, job.seen)
  }
  return writer.finish()
}

export function* unpackJobs(bytes: Uint8Array): Generator<{ number: number; job: FileJob }> {
  const reader = new Reader(bytes, 'jobs')
  let directory = ''
  for (let number = reader.varint(); reader.remaining > 0; number++) {
    if (reader.u8() === 1) directory = nameFromBytes(reader.prefixed(longest))
    const entry = decodeEntry(reader)
    if (entry.kind !== 'file') throw reader.fail('not a file')
    const check = reader.u8() === 1
    yield { number, job: { directory, entry, check, seen: readSeen(reader) } }
  }
}

function writeSeen(writer: Writer, seen: Seen | undefined): void {
  if (seen === undefined) writer.u8(noneSeen)
  else writer.u8(kinds.indexOf(seen.kind)).varint(seen.size).i64(seen.mtimeNs)
}

function readSeen(reader: Reader): Seen | undefined {
  const number = reader.u8()
  if (number === noneSeen) return undefined
  const kind = kinds[number]
  if (kind === undefined) throw reader.fail('unknown kind')
  return { kind, size: reader.varint(), mtimeNs: reader.i64() }
}

const statuses = ['written', 'kept', 'right', 'failed'] as const

export function writeResult(writer: Writer, number: number, { status, problems, placed }: FileResult): void {
  writer.varint(number).u8(statuses.indexOf(status)).varint(problems.length)
  for (const [code, message] of problems) {
    writer.prefixed(nameToBytes(code)).prefixed(nameToBytes(message))
  }
  writer.u8(placed === undefined ? 0 : 1)
  if (placed) writePlaced(writer, placed)
}

export function* readResults(bytes: Uint8Array): Generator<{ number: number; result: FileResult }> {
  const reader = new Reader(bytes, 'results')
  while (reader.remaining > 0) {
    const number = reader.varint()
    const status = statuses[reader.u8()]
    if (status === undefined) throw reader.fail('unknown status')
    const problems: [ProblemCode, string][] = []
    for (let left = reader.varint(); left > 0; left--) {
      const code = nameFromBytes(reader.prefixed(longest)) as ProblemCode
      problems.push([code, nameFromBytes(reader.prefixed(longest))])
    }
    const placed = reader.u8() === 1 ? readPlaced(reader) : undefined
    yield { number, result: { status, problems, placed } }
  }
}

function writePlaced(writer: Writer, { ino, ctimeNs, mtimeNs, size, mode, uid, gid }: PlacedStat): void {
  writer.i64(BigInt.asIntN(64, ino)).i64(ctimeNs).i64(mtimeNs)
  writer.varint(size).varint(mode).varint(uid).varint(gid)
}

function readPlaced(reader: Reader): PlacedStat {
  const [ino, ctimeNs, mtimeNs] = [BigInt.asUintN(64, reader.i64()), reader.i64(), reader.i64()]
  const [size, mode, uid, gid] = [reader.varint(), reader.varint(), reader.varint(), reader.varint()]
  return { ino, ctimeNs, mtimeNs, size, mode, uid, gid }
}
