import { nameFromBytes, nameToBytes } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { nothingDone, type ApplyCounts } from '../../folder/apply/apply.ts'
import { mostProblems, type Problem, type ProblemCode } from '../../folder/apply/problem.ts'
import type { Report } from '../report.ts'
import { maxErrorText, maxMessage } from './limits.ts'

/** In the order in which they travel. */
const counted: readonly (keyof ApplyCounts)[] = [
  'files',
  'bytes',
  'directories',
  'specials',
  'links',
  'metadata',
  'deleted',
]

/** Those that are spoken; another one, of a later version, is taken for `failed`. */
const codes: ReadonlySet<string> = new Set<ProblemCode>([
  'unreadable',
  'unstable',
  'lost-metadata',
  'conflict',
  'not-empty',
  'reserved',
  'missing',
  'corrupt',
  'failed',
])

const maxCode = 32
const maxPath = 65_536
/** What is listed ends when it has grown so long: another problem still fits. */
const enough = maxMessage - maxCode - maxPath - maxErrorText - 64

export function encodeReport({ counts, problems, problemCount }: Report): Uint8Array<ArrayBuffer> {
  const listed = new Writer(1024)
  let count = 0
  for (const { path, code, message } of problems.slice(0, mostProblems)) {
    if (listed.length > enough) break
    const [where, what] = [nameToBytes(path), nameToBytes(message.slice(0, maxErrorText / 4))]
    if (where.length > maxPath) continue
    listed.prefixed(nameToBytes(code)).prefixed(where).prefixed(what)
    count++
  }
  const writer = new Writer(listed.length + 128)
  for (const key of counted) writer.varint(counts[key])
  return writer.varint(problemCount).varint(count).raw(listed.finish()).finish()
}

/** Throws `corrupt`. */
export function decodeReport(message: Uint8Array | undefined): Report {
  const reader = new Reader(message ?? new Uint8Array(0), 'report')
  const counts = nothingDone()
  for (const key of counted) counts[key] = reader.varint()
  const problemCount = reader.varint()
  const count = reader.varint()
  if (count > Math.min(mostProblems, problemCount)) throw reader.fail('more problems than there are')
  const problems = Array.from({ length: count }, (): Problem => {
    const code = nameFromBytes(reader.prefixed(maxCode))
    const path = nameFromBytes(reader.prefixed(maxPath))
    const message = nameFromBytes(reader.prefixed(maxErrorText))
    return { path, code: codes.has(code) ? (code as ProblemCode) : 'failed', message }
  })
  reader.end()
  return { counts, problems, problemCount }
}
