import { isTidemarkError } from '../../errors.ts'
import { DirectoryBucket } from '../../store/directory-bucket.ts'

const fileName = 'folders.json'

/**
 * The directories that `tidemark up` has had as folders. One of them that is none any more is the mount point of a
 * disk that is away, and is not begun anew.
 */
export class KnownFolders {
  readonly #bucket: DirectoryBucket
  readonly #ids: Map<string, string>

  private constructor(bucket: DirectoryBucket, ids: Map<string, string>) {
    this.#bucket = bucket
    this.#ids = ids
  }

  /** What is damaged is begun anew. */
  static async open(directory: string): Promise<KnownFolders> {
    const bucket = new DirectoryBucket(directory)
    try {
      const text = new TextDecoder().decode(await bucket.get(fileName))
      const { folders } = (JSON.parse(text) ?? {}) as Record<string, unknown>
      const entries = Object.entries(folders ?? {}).filter(([, id]) => typeof id === 'string')
      return new KnownFolders(bucket, new Map(entries as [string, string][]))
    } catch (error) {
      if (!(error instanceof SyntaxError) && !isTidemarkError(error, 'missing')) throw error
      return new KnownFolders(bucket, new Map())
    }
  }

  has(path: string): boolean {
    return this.#ids.has(path)
  }

  /** What cannot be noted is found out again. */
  note(path: string, id: string): void {
    if (this.#ids.get(path) === id) return
    this.#ids.set(path, id)
    const document = { version: 1, folders: Object.fromEntries(this.#ids) }
    const bytes = new TextEncoder().encode(`${JSON.stringify(document, undefined, 2)}\n`)
    void this.#bucket.put(fileName, bytes).catch(() => {})
  }
}
