import { DirectoryBucket } from '../../store/directory-bucket.ts'
import type { Repository } from '../../store/repository/repository.ts'
import type { SharedSegment } from '../../store/repository/segment-file.ts'

/** The packs of a repository in a local directory, and their index. */
export interface PackPlace {
  /** The directory of its bucket. */
  readonly root: string
  readonly segments: readonly SharedSegment[]
}

/** Another working copy of the folder on this machine. */
export interface Neighbour {
  /** Its directory. */
  readonly root: string
  /** Its repository, which has the lists of chunks of its files. */
  readonly lists: PackPlace
}

/** Where threads that write files find contents by themselves. */
export interface ThreadSources {
  readonly packs?: PackPlace | undefined
  readonly neighbour?: Neighbour | undefined
}

/** Undefined where the repository is not in a local directory. */
export async function packPlaceOf(repository: Repository): Promise<PackPlace | undefined> {
  const { bucket } = repository
  if (!(bucket instanceof DirectoryBucket)) return undefined
  await repository.ready()
  return { root: bucket.root, segments: repository.index.segments.map((segment) => segment.shared) }
}
