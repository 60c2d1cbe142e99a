import { parentPort, workerData } from 'node:worker_threads'
import { Writer } from '../../bytes/writer.ts'
import { isTidemarkError } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'
import type { Id } from '../../object/id.ts'
import { DirectoryBucket } from '../../store/directory-bucket.ts'
import { PackWriter } from '../../store/repository/pack-writer.ts'
import type { FinishedPack } from '../../store/repository/pack-writer.ts'
import { SegmentFile } from '../../store/repository/segment-file.ts'
import type { SharedSegment } from '../../store/repository/segment-file.ts'
import { locate } from '../../store/repository/chunk-index.ts'
import { Claims } from './claims.ts'
import { FileReader } from './file-reader.ts'
import { unpackJobs, writeResult } from './job.ts'
import type { PackedJobs } from './job.ts'

/** What a thread is started with. */
export interface ThreadStart {
  /** The directory of the repository's bucket. */
  readonly root: string
  readonly claims: SharedArrayBuffer
  readonly segments: readonly SharedSegment[]
  readonly condemned: ReadonlySet<Id>
  /** Whether to store what is read, or only to cut and hash it. */
  readonly keep: boolean
}

export type ToThread =
  | { readonly kind: 'read'; readonly jobs: PackedJobs }
  /** Close the packs. Then the claims are cleared, and `renew` tells the segments from then on. */
  | { readonly kind: 'flush' }
  | { readonly kind: 'renew'; readonly segments: readonly SharedSegment[] }
  /** End, leaving no unfinished pack behind. */
  | { readonly kind: 'end' }

export type FromThread =
  | { readonly kind: 'results'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'pack'; readonly pack: FinishedPack }
  | { readonly kind: 'flushed' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

function serve(port: NonNullable<typeof parentPort>, start: ThreadStart): void {
  const send = (message: FromThread, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer)
  const claims = new Claims(start.claims)
  let segments = attach(start.root, start.segments)

  const isStored = (id: Id): boolean =>
    segments.some((segment) => {
      const record = segment.find(id)
      if (record === undefined) return false
      return start.condemned.size === 0 || !start.condemned.has(locate(segment, record).pack)
    })

  const packs = new PackWriter(new DirectoryBucket(start.root), {
    metadata: false,
    onPack: (pack) => send({ kind: 'pack', pack }, [pack.end.buffer]),
  })
  const reader = new FileReader((id, bytes) =>
    start.keep && claims.claim(id) && !isStored(id) ? packs.add(id, bytes) : undefined,
  )

  const read = async (jobs: PackedJobs): Promise<void> => {
    const results = new Writer(48 * jobs.paths.length)
    for (const job of unpackJobs(jobs)) writeResult(results, await reader.read(job))
    const bytes = results.finish()
    send({ kind: 'results', bytes }, [bytes.buffer])
  }

  const act = async (message: ToThread): Promise<void> => {
    if (message.kind === 'read') return read(message.jobs)
    if (message.kind === 'renew') {
      for (const segment of segments) segment.close()
      segments = attach(start.root, message.segments)
    } else if (message.kind === 'end') {
      packs.abort()
      port.close()
    } else {
      await packs.flush()
      send({ kind: 'flushed' })
    }
  }

  let last = Promise.resolve()
  port.on('message', (message: ToThread) => {
    last = last
      .then(() => act(message))
      .catch((error: unknown) => {
        const code = isTidemarkError(error) ? error.code : 'failed'
        send({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) })
      })
  })
}

/** A segment that was replaced meanwhile is left out: at worst some of its chunks are stored once more. */
function attach(root: string, segments: readonly SharedSegment[]): SegmentFile[] {
  return segments.flatMap((segment) => SegmentFile.attach(segment, root) ?? [])
}

if (parentPort) serve(parentPort, workerData as ThreadStart)
