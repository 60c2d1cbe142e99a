import { parentPort, workerData } from 'node:worker_threads'
import type { Name } from '../../bytes/name.ts'
import { openDirectory } from '../../folder/system/directory-handle.ts'
import { LocalTree } from './local-tree.ts'
import { Placing } from './placing.ts'
import { ReadyFiles, type Ready } from './ready-files.ts'

/** What a thread is started with. */
export interface ThreadStart {
  /** Leads to the directory that the mirror has open. */
  readonly root: string
}

/** A small file whose content has come, and was checked. */
export interface SmallFile {
  readonly path: Name
  readonly mode: number | undefined
  readonly mtimeNs: bigint | undefined
  /** Of its content, which comes after those of the files before it. */
  readonly size: number
}

export type ToThread =
  | {
      readonly kind: 'files'
      /** The number of the first. */
      readonly first: number
      readonly files: readonly SmallFile[]
      readonly contents: Uint8Array<ArrayBuffer>
    }
  /** Everything that has come is to be put in its place. */
  | { readonly kind: 'place' }

/** Files by their numbers. What has failed is to be tried by who can say why, and what may be removed for it. */
export type FromThread =
  /** There is room for another message. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'placed'; readonly numbers: readonly number[] }
  | { readonly kind: 'failed'; readonly number: number }
  /** Everything is in its place, or has failed. */
  | { readonly kind: 'done' }

interface Numbered extends Ready {
  readonly number: number
}

function serve(port: NonNullable<typeof parentPort>, { root }: ThreadStart): void {
  const handle = openDirectory(root)
  const tree = new LocalTree(handle, () => false)
  const files = new ReadyFiles(tree, handle)
  const send = (message: FromThread): void => port.postMessage(message)
  const placing = new Placing<Numbered>(files, {
    onPlaced: (placed) => send({ kind: 'placed', numbers: placed.map(({ number }) => number) }),
    onFailed: ({ number }) => send({ kind: 'failed', number }),
  })

  const write = (
    number: number,
    { path, mode, mtimeNs }: SmallFile,
    content: Uint8Array,
  ): Numbered | undefined => {
    try {
      return { number, path, mode, mtimeNs, staged: files.write(path, content, mode, mtimeNs) }
    } catch {
      send({ kind: 'failed', number })
      return undefined
    }
  }

  const take = async (message: ToThread): Promise<void> => {
    if (message.kind === 'place') {
      await placing.placeAll()
      tree.leaveChanges()
      return send({ kind: 'done' })
    }
    let at = 0
    for (const [i, file] of message.files.entries()) {
      const ready = write(message.first + i, file, message.contents.subarray(at, at + file.size))
      if (ready !== undefined) placing.add(ready)
      at += file.size
    }
    send({ kind: 'taken' })
  }

  // What is rejected ends the thread: then nothing that it has not told of is in its place.
  let last: Promise<void> = Promise.resolve()
  port.on('message', (message: ToThread) => {
    last = last.then(() => take(message))
  })
}

if (parentPort !== null) serve(parentPort, workerData as ThreadStart)
