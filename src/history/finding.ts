import type { Name } from '../bytes/name.ts'
import { idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { ChunkIndex } from '../store/repository/chunk-index.ts'
import { locate } from '../store/repository/chunk-index.ts'

/** What verification may find. */
export type FindingCode =
  | 'config-damaged' // the repository cannot be opened
  | 'snapshot-damaged' // a snapshot does not match its name, or its format
  | 'segment-damaged' // the same of a part of the index: repair makes it anew
  | 'record-damaged' // the same of a list of condemned packs: nobody can write until it is repaired
  | 'pack-missing' // the index names a pack that is not there
  | 'pack-size' // a pack is shorter or longer than it was
  | 'footer-damaged' // the table at a pack's end; its chunks may be whole
  | 'pack-damaged' // a pack's bytes do not match its name (found only when data is read)
  | 'index-differs' // the index says other than a pack's footer
  | 'chunk-missing' // something is needed that the index does not know
  | 'chunk-damaged' // bytes that do not match their id
  | 'tree-damaged' // a list or tree that matches its id, but not its format
  | 'totals-differ' // sizes or counts that do not add up
  | 'pack-unindexed' // a pack of no use: left by a writer that was interrupted, or being written
  | 'foreign' // a file that does not belong here

export interface Finding {
  readonly code: FindingCode
  /** False for what is only untidy. */
  readonly harm: boolean
  /** A name in the bucket, or "chunk" and its id. */
  readonly where: string
  readonly message: string
  /** What cannot be read because of it, at most {@link mostAffected}; `affectedCount` counts all. */
  readonly affected: AffectedPath[]
  affectedCount: number
}

export const mostAffected = 1000

export interface AffectedPath {
  readonly snapshot: Id
  readonly path: Name
  /** A file; a directory with all that is in it; or some entries of a large directory. */
  readonly what: 'file' | 'directory' | 'entries'
}

function isHarm(code: FindingCode): boolean {
  return code !== 'pack-unindexed' && code !== 'foreign'
}

/** Collects findings, and what they say of chunks. */
export class Findings {
  readonly list: Finding[] = []
  /** Packs that are gone. */
  readonly #packs = new Map<Id, Finding>()
  /** Chunks of which the copy in some packs is no good: by chunk, then by pack. */
  readonly #copies = new Map<Id, Map<Id, Finding>>()
  /** Chunks of which there is no good copy. */
  readonly #chunks = new Map<Id, Finding>()

  add(code: FindingCode, where: string, message: string, harm: boolean = isHarm(code)): Finding {
    const finding: Finding = { code, harm, where, message, affected: [], affectedCount: 0 }
    this.list.push(finding)
    return finding
  }

  losePack(pack: Id, finding: Finding): void {
    this.#packs.set(pack, finding)
  }

  loseCopy(chunk: Id, pack: Id, finding: Finding): void {
    const copies = this.#copies.get(chunk)
    if (copies === undefined) this.#copies.set(chunk, new Map([[pack, finding]]))
    else copies.set(pack, finding)
  }

  loseChunk(chunk: Id, code: FindingCode, message: string): void {
    if (!this.#chunks.has(chunk)) this.#chunks.set(chunk, this.add(code, `chunk ${idToHex(chunk)}`, message))
  }

  /** Why `chunk` cannot be had, if so. */
  blame(index: ChunkIndex, chunk: Id): Finding | undefined {
    const lost = this.#chunks.get(chunk)
    if (lost !== undefined || (this.#packs.size === 0 && this.#copies.size === 0)) return lost
    let finding: Finding | undefined
    for (const segment of index.segments) {
      const record = segment.find(chunk)
      if (record === undefined) continue
      const { pack } = locate(segment, record)
      const problem = this.#packs.get(pack) ?? this.#copies.get(chunk)?.get(pack)
      if (problem === undefined) return undefined
      finding ??= problem
    }
    return finding
  }

  /** True when some chunk may be lost. */
  get anyLoss(): boolean {
    return this.#packs.size > 0 || this.#copies.size > 0 || this.#chunks.size > 0
  }

  /** Drops findings of missing chunks that nothing needs: what was deleted meanwhile is not lost. */
  dropUnneeded(): void {
    const needless = new Set(
      [...this.#chunks.values()].filter((one) => one.code === 'chunk-missing' && one.affectedCount === 0),
    )
    this.list.splice(0, this.list.length, ...this.list.filter((one) => !needless.has(one)))
  }
}
