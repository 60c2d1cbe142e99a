import { fdatasync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import type { Name } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { fromSystem, TidemarkError } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'
import { decodeEntry } from '../../object/entry-codec.ts'
import { openDirectory } from '../system/directory-handle.ts'
import type { ArrivingBlock } from './arriving-blocks.ts'
import { writeContent } from './content.ts'
import { Descriptors } from './descriptors.ts'
import { FilePlacer } from './file-placer.ts'
import { OpenDirectories } from './open-directories.ts'
import { OpenedBlock } from './opened-block.ts'
import { unpackJobs, writeResult } from './packed-jobs.ts'
import { ThreadContents } from './thread-contents.ts'
import type { ThreadSources } from './thread-sources.ts'
import type { List } from './waiting-block.ts'

const syncLater = promisify(fdatasync)

/** Files between two turns of the event loop. */
const filesPerTurn = 64

/** What a thread is started with. */
export interface ThreadStart {
  /** The target's root: where it is, and which directory it was when it was opened. */
  readonly target: string
  readonly identity: string
  readonly sources: ThreadSources
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
  readonly directory: Name
  /** The encoded entry. */
  readonly entry: Uint8Array<ArrayBuffer>
  readonly start: number
  readonly end: number
}

/** A block, what is expected in it, and files with contents that it holds. */
export interface BlockJob {
  readonly number: number
  readonly arriving: ArrivingBlock
  /** Of those of the files that have several chunks. */
  readonly lists: readonly List[]
  /** Of these chunks the bytes are handed back: places in the list of them. */
  readonly spare: readonly number[]
  readonly jobs: Uint8Array<ArrayBuffer>
}

/** A block is handed back. */
export interface BlockOutcome {
  readonly payload: Uint8Array<ArrayBuffer>
  /** The places of the expected chunks that it does not have. */
  readonly damaged: readonly number[]
  /** Of the `spare` chunks those that it has. */
  readonly spare: readonly { readonly place: number; readonly bytes: Uint8Array<ArrayBuffer> }[]
}

export type ToThread =
  | { readonly kind: 'files'; readonly jobs: Uint8Array<ArrayBuffer> }
  | ({ readonly kind: 'block' } & BlockJob)
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
  | ({ readonly kind: 'opened'; readonly number: number } & BlockOutcome)
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
  const store = new ThreadContents(start.sources)
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

  const placeFiles = async (jobs: Uint8Array): Promise<void> => {
    let count = 0
    for (const { number, job } of unpackJobs(jobs)) {
      throwIfStopped()
      store.turnTo(job)
      await placer.place(job, (result) => writeResult(results, number, result))
      if (placer.full) await placer.advance()
      // So that the end of a sync is noticed.
      if (++count % filesPerTurn === 0) await setImmediate()
    }
  }

  const writeFiles = async (jobs: Uint8Array): Promise<void> => {
    await placeFiles(jobs)
    send({ kind: 'taken' })
    sendResults()
  }

  const writeBlock = async ({ number, arriving, lists, spare: wanted, jobs }: BlockJob): Promise<void> => {
    const opened = new OpenedBlock(arriving, lists)
    store.block = opened
    await placeFiles(jobs)
    store.block = undefined
    const spare = wanted.flatMap((place) => {
      const bytes = opened.get(arriving.chunks[place]!.id)
      return bytes === undefined ? [] : [{ place, bytes: new Uint8Array(bytes) }]
    })
    opened.close()
    const { payload } = arriving.block
    const { damaged } = opened
    // Before the results: what is damaged is then looked for elsewhere.
    send({ kind: 'opened', number, payload, damaged, spare }, [
      payload.buffer,
      ...spare.map(({ bytes }) => bytes.buffer),
    ])
    send({ kind: 'taken' })
    sendResults()
  }

  const writePart = async ({ number, fd, directory, entry, start, end }: PartJob): Promise<void> => {
    throwIfStopped()
    const tell = (error?: Failure): void => send({ kind: 'part', number, error })
    try {
      const file = decodeEntry(new Reader(entry, 'part'))
      if (file.kind !== 'file') throw new TidemarkError('corrupt', 'part: not a file')
      store.turnTo({ directory, entry: file, seen: undefined, check: false })
      await writeContent(fd, store, file, { start, end, ahead: false })
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
    else if (message.kind === 'block') await writeBlock(message)
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
