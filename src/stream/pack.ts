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
 * against.
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

/** How many bytes of the second frame's content precede the end of version `last`'s diff. */
export function contentUntil(versions: readonly PackedVersion[], last: number): number {
  let end = fullStart + versions[0]!.contentBytes
  let open = padding(versions[0]!.contentBytes)
  for (let i = 0; i <= last; i++) {
    end += open + tarBlock + versions[i]!.diffBytes
    open = padding(versions[i]!.diffBytes)
  }
  return end
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
  for (const [i, version] of pack.versions.entries()) {
    second.push(
      ...tarMember({ name: `state/${version.name}.txt`, content: pack.diffs[i]!, modified: pack.times[i]! }),
    )
  }
  second.push(tarEnd())
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
