import { constants, zstdCompress } from 'node:zlib'
import { promisify } from 'node:util'
import { formatPackIndex, type PackedVersion } from './pack-index.ts'
import { padding, tarBlock, tarEnd, tarMember } from './tar.ts'

const compress = promisify(zstdCompress)

/**
 * A pack: the states of many versions in a tar archive, compressed with Zstandard in several frames. The first frame
 * holds `index.txt`, so that versions are listed without reading the rest. Then come `full/NAME.txt`, the content of the
 * first version, and a `state/NAME.txt` for every version, without context lines, in a frame or more; the last holds
 * the end of the archive. The full text is the key frame; and as every removed line is in it or in a diff before, it
 * is also what the diffs compress against.
 */
export interface PackContent {
  /** Oldest first. */
  readonly versions: readonly PackedVersion[]
  /** Of each version, in seconds since 1970. */
  readonly times: readonly number[]
  /** The first version's content. */
  readonly full: Uint8Array
  readonly diffs: readonly Uint8Array[]
}

export const indexMember = 'index.txt'
/** The content behind the index begins with a tar header, and then the full text. */
export const fullStart: number = tarBlock

/** Where each version's diff lies in the content behind the index. */
export function diffStarts(versions: readonly PackedVersion[]): number[] {
  const starts: number[] = []
  let at = fullStart + versions[0]!.contentBytes + padding(versions[0]!.contentBytes)
  for (const version of versions) {
    starts.push(at + tarBlock)
    at += tarBlock + version.diffBytes + padding(version.diffBytes)
  }
  return starts
}

export async function buildPack({ versions, times, full, diffs }: PackContent): Promise<Buffer> {
  const first = tarMember({ name: `full/${versions[0]!.name}.txt`, content: full, modified: times[0]! })
  const states = stateMembers(versions, times, diffs)
  return frame(versions, times, compressFrame([...first, ...states], tightest))
}

/**
 * A pack with more versions behind those it has. `frames` are its frames but for the first and the last: they are
 * taken over as they are, and the new `diffs` go into a frame of their own, which is quickly done but compresses
 * them less well.
 */
export async function extendPack(
  frames: Uint8Array,
  { versions, times, diffs }: Omit<PackContent, 'full'>,
): Promise<Buffer> {
  const added = versions.length - diffs.length
  const members = stateMembers(versions.slice(added), times.slice(added), diffs)
  return frame(versions, times, compressFrame(members, quickest), frames)
}

async function frame(
  versions: readonly PackedVersion[],
  times: readonly number[],
  body: Promise<Uint8Array>,
  before: Uint8Array = new Uint8Array(0),
): Promise<Buffer> {
  const content = Buffer.from(formatPackIndex(versions))
  const index = compressFrame(
    [...tarMember({ name: indexMember, content, modified: times.at(-1)! })],
    quickest,
  )
  const end = compressFrame([tarEnd()], quickest)
  return Buffer.concat([await index, before, ...(await Promise.all([body, end]))])
}

function stateMembers(
  versions: readonly PackedVersion[],
  times: readonly number[],
  diffs: readonly Uint8Array[],
): Uint8Array[] {
  return versions.flatMap(({ name }, i) => [
    ...tarMember({ name: `state/${name}.txt`, content: diffs[i]!, modified: times[i]! }),
  ])
}

/** Of what stays, and of what is compressed anew soon: a tenth of the time for 1 % more. */
const tightest = 9
const quickest = 3

/**
 * The window spans the whole content up to 128 MiB, the most that `zstd -d` takes without being asked. Long
 * matches matter more than short ones here: most of a diff is a whole line seen before.
 */
async function compressFrame(parts: readonly Uint8Array[], level: number): Promise<Uint8Array> {
  const content = Buffer.concat(parts)
  const windowLog = Math.min(27, Math.max(10, Math.ceil(Math.log2(content.length + 1))))
  return compress(content, {
    // Else tables for any length are made ready, which takes longer than to compress a short one.
    pledgedSrcSize: content.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_windowLog]: windowLog,
      [constants.ZSTD_c_minMatch]: 6,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  })
}
