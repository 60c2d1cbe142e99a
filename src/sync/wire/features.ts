import { randomBytes } from 'node:crypto'
import { constants, zstdCompressSync } from 'node:zlib'

/** What a side can read, said in its hello; one that is not known is ignored. */
export type Feature =
  /** Batches compressed by zstd. */
  | 'zstd'
  /** Chunks as raw deflate with an older one as dictionary. */
  | 'deflate-delta'
  /** Chunks as zstd with an older one as dictionary. */
  | 'zstd-delta'
  /** Nothing shall be compressed: the way is shorter than the work. */
  | 'plain'
  /** It answers `nodes`. */
  | 'nodes'
  /** It answers `fetch` by blocks, where that is asked for. */
  | 'blocks'
  /** It answers `report`. */
  | 'report'
  /** It answers `snapshots`. */
  | 'snapshots'

export type Features = ReadonlySet<string>

/** Older Nodes take the option and heed it not. */
function knowsZstdDictionaries(): boolean {
  const bytes = randomBytes(1024)
  const options = { dictionary: bytes, params: { [constants.ZSTD_c_compressionLevel]: 3 } }
  return zstdCompressSync(bytes, options).length < 512
}

let known: boolean | undefined

/** Whether this Node's zstd takes dictionaries. */
export function hasZstdDeltas(): boolean {
  known ??= knowsZstdDictionaries()
  return known
}

/** What this side can. `plain`: the other one is near. `nodes`: it serves a store, which has trees. */
export function ownFeatures(plain: boolean, nodes = false): Feature[] {
  const zstd: Feature[] = hasZstdDeltas() ? ['zstd', 'zstd-delta'] : ['zstd']
  const features: Feature[] = [...zstd, 'deflate-delta', 'blocks', 'report', 'snapshots']
  if (plain) features.push('plain')
  if (nodes) features.push('nodes')
  return features
}
