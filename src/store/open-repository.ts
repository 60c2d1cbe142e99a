import { openBucket } from './open-bucket.ts'
import { Repository } from './repository/repository.ts'

/** Opens the repository at `place`, a path or a URL as {@link openBucket} takes it. Close it when done. */
export async function openRepository(place: string): Promise<Repository> {
  return Repository.open(await openBucket(place))
}
