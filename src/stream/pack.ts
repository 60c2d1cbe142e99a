import { constants, zstdCompress } from 'node:zlib'
import { promisify } from 'node:util'
import { formatPackIndex, type PackedVersion } from './pack-index.ts'
import { padding, tarBlock, tarEnd, tarMember } from './tar.ts'

const compress = promisify(zstdCompress)

/**
 * A pack: the states of many versions in a tar archive, compressed with Zstandard in two frames. The first frame
 * holds `index.txt`, so that versions are listed without reading the rest. The second holds `full/NAME.txt`, the
 * content of the first version, and a `state/NAME.txt` for every version, without context lines. The full text is
 * the key frame; and as every removed line is in it or in a diff before, it is also what the diffs compress
 * against. The first version's own diff, which only unpacking needs, comes last: of a long text's first version it
 * is as long as the text.
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
/** Behind the first frame, at the first byte of the second one's content, is a tar header and then the full text. */
export const fullStart: number = tarBlock

/** Where each version's diff lies in the second frame's content: the first one's behind all others. */
export function diffStarts(versions: readonly PackedVersion[]): number[] {
  const starts: number[] = []
  let at = fullStart + versions[0]!.contentBytes + padding(versions[0]!.contentBytes)
  for (const [i, version] of [...versions.entries()].slice(1).concat([[0, versions[0]!]])) {
    starts[i] = at + tarBlock
    at += tarBlock + version.diffBytes + padding(version.diffBytes)
  }
  return starts
}

export async function buildPack(pack: PackContent): Promise<Buffer> {
  const index = Buffer.from(formatPackIndex(pack.versions))
  const first = [...tarMember({ name: indexMember, content: index, modified: pack.times.at(-1)! })]
  const second = [
    ...tarMember({
      name: `full/${pack.versions[0]!.name}.txt`,
      content: pack.full,
      modified: pack.times[0]!,
    }),
  ]
  const states = pack.versions.map(({ name }, i) => [
    ...tarMember({ name: `state/${name}.txt`, content: pack.diffs[i]!, modified: pack.times[i]! }),
  ])
  second.push(...states.slice(1).flat(), ...states[0]!, tarEnd())
  const frames = await Promise.all([first, second].map((parts) => compressFrame(Buffer.concat(parts))))
  return Buffer.concat(frames)
}

/**
 * The window spans the whole content up to 128 MiB, the most that `zstd -d` takes without being asked. Long
 * matches matter more than short ones here: most of a diff is a whole line seen before.
 */
async function compressFrame(content: Uint8Array): Promise<Uint8Array> {
  const windowLog = Math.min(27, Math.max(10, Math.ceil(Math.log2(content.length + 1))))
  return compress(content, {
    params: {
      [constants.ZSTD_c_compressionLevel]: 6,
      [constants.ZSTD_c_windowLog]: windowLog,
      [constants.ZSTD_c_hashLog]: Math.min(windowLog, 22),
      [constants.ZSTD_c_chainLog]: Math.min(windowLog, 22),
      [constants.ZSTD_c_minMatch]: 6,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  })
}
