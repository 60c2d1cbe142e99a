import { fdatasync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { fromSystem, TidemarkError } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'
import { decodeEntry } from '../../object/entry-codec.ts'
import type { SharedSegment } from '../../store/repository/segment-file.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { writeContent } from './content.ts'
import { Descriptors } from './descriptors.ts'
import { FilePlacer } from './file-placer.ts'
import { LocalPacks } from './local-packs.ts'
import { OpenDirectories } from './open-directories.ts'
import { unpackJobs, writeResult } from './packed-jobs.ts'

const syncLater = promisify(fdatasync)

/** Files between two turns of the event loop. */
const filesPerTurn = 64

/** What a thread is started with. */
export interface ThreadStart {
  /** The target's root: where it is, and which directory it was when it was opened. */
  readonly target: string
  readonly identity: string
  /** The directory of the repository's bucket, and its index. */
  readonly repository: string
  readonly segments: readonly SharedSegment[]
  /** Tell what stands there in the end. */
  readonly placed: boolean
  /** Not 0: stop. */
  readonly stop: SharedArrayBuffer
  /** See {@link Descriptors}. */
  readonly descriptors: SharedArrayBuffer
}

/** A part of a large file: the chunks that begin in a range, for a file that another thread has opened. */
export interface PartJob {
  readonly number: number
  readonly fd: number
  /** The encoded entry. */
  readonly entry: Uint8Array<ArrayBuffer>
  readonly start: number
  readonly end: number
}

export type ToThread =
  | { readonly kind: 'files'; readonly jobs: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'part'; readonly part: PartJob }
  /** Put everything that is ready in its place. */
  | { readonly kind: 'commit' }
  /** Remove everything that is not, and end. */
  | { readonly kind: 'end' }

export type FromThread =
  /** A batch of files has been seen to, or a part written: there is room for another. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'results'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'part'; readonly number: number; readonly error: Failure | undefined }
  /** Nothing more can be done. */
  | { readonly kind: 'failed'; readonly error: Failure }

/** An error on its way between threads. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
}

function serve(port: NonNullable<typeof parentPort>, start: ThreadStart): void {
  const send = (message: FromThread, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer)
  const stop = new Int32Array(start.stop)
  const directories = new OpenDirectories(openDirectory(start.target))
  const store = new LocalPacks(start.repository, start.segments)
  const descriptors = new Descriptors(start.descriptors)
  const placer = new FilePlacer(directories, store, { ahead: false, placed: start.placed, descriptors })
  const results = new Writer(4096)

  const throwIfStopped = (): void => {
    if (Atomics.load(stop, 0) !== 0) throw new TidemarkError('cancelled', 'stopped')
  }
  const sendResults = (): void => {
    if (results.length === 0) return
    const bytes = results.finish()
    results.reset()
    send({ kind: 'results', bytes }, [bytes.buffer])
  }

  const writeFiles = async (jobs: Uint8Array): Promise<void> => {
    let count = 0
    for (const { number, job } of unpackJobs(jobs)) {
      throwIfStopped()
      await placer.place(job, (result) => writeResult(results, number, result))
      if (placer.full) await placer.advance()
      // So that the end of a sync is noticed.
      if (++count % filesPerTurn === 0) await setImmediate()
    }
    send({ kind: 'taken' })
    sendResults()
  }

  const writePart = async ({ number, fd, entry, start, end }: PartJob): Promise<void> => {
    throwIfStopped()
    const tell = (error?: Failure): void => send({ kind: 'part', number, error })
    try {
      const file = decodeEntry(new Reader(entry, 'part'))
      if (file.kind === 'file') await writeContent(fd, store, file, { start, end, ahead: false })
      // The disk works on this part while the next is written.
      syncLater(fd).then(
        () => tell(),
        (error: unknown) => tell(failureOf(error)),
      )
    } catch (error) {
      tell(failureOf(error))
    }
    send({ kind: 'taken' })
  }

  const act = async (message: ToThread): Promise<void> => {
    if (message.kind === 'files') await writeFiles(message.jobs)
    else if (message.kind === 'part') await writePart(message.part)
    else if (message.kind === 'commit') {
      await placer.commit()
      sendResults()
    } else {
      placer.abort()
      directories.close()
      directories.root.close()
      store.close()
      port.close()
    }
  }

  if (directories.identity !== start.identity) {
    const message = `${start.target}: another directory has taken its place`
    send({ kind: 'failed', error: { code: 'conflict', message } })
    return
  }
  let last = Promise.resolve()
  port.on('message', (message: ToThread) => {
    last = last
      .then(() => act(message))
      .catch((error: unknown) => send({ kind: 'failed', error: failureOf(error) }))
  })
}

function failureOf(error: unknown): Failure {
  const { code, message } = fromSystem(error, 'write files')
  return { code, message }
}

if (parentPort) serve(parentPort, workerData as ThreadStart)
