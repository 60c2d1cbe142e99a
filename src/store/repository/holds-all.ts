import { isTidemarkError } from '../../errors.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { Id } from '../../object/id.ts'
import type { CallOptions } from '../bucket.ts'
import { ChunkIndex } from './chunk-index.ts'
import { Marks } from './marks.ts'
import { visitReachable } from './reachable.ts'
import type { RepositoryWriter } from './repository-writer.ts'

/**
 * True when everything that `root` needs is in packs that are there to stay as far as `writer` knows. Then a
 * snapshot may rely on parts of `root` without a look at each chunk. When nothing was condemned as the
 * writer began, it is enough that a snapshot of `root` was listed after that (docs/format/repository.md, W2);
 * otherwise this goes through all trees, and reads no contents.
 */
export async function holdsAll(
  writer: RepositoryWriter,
  root: DirectoryEntry,
  options?: CallOptions,
): Promise<boolean> {
  const { repository, condemned } = writer
  const index = new ChunkIndex(repository.bucket)
  let held = true
  try {
    await index.refresh(options)
    const marks = new Marks(index.segments, condemned)
    const check = (id: Id): boolean => (held &&= index.find(id, condemned) !== undefined)
    await visitReachable(
      repository,
      root,
      {
        enter: ({ id }) => check(id) && marks.enter(id) === true,
        data: ({ id }) => void (held && check(id)),
      },
      options,
    )
  } catch (error) {
    if (!isTidemarkError(error, 'missing', 'corrupt')) throw error
    held = false
  } finally {
    index.close()
  }
  return held
}
