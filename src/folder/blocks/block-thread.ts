import { parentPort, workerData } from 'node:worker_threads'
import { fromSystem } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'
import { OpenDirectories } from '../apply/open-directories.ts'
import type { SystemPath } from '../system/paths.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { BlockFiller, type FilledBlocks } from './block-filler.ts'
import { unpackPlaces } from './block-job.ts'

/** What a thread is started with. */
export interface ThreadStart {
  /** The folder: where it is, and which directory it was. */
  readonly directory: SystemPath
  readonly identity: string
}

export type ToThread =
  | { readonly kind: 'fill'; readonly places: Uint8Array<ArrayBuffer>; readonly compress: boolean }
  | { readonly kind: 'end' }

/** One for each `fill`, in turn. */
export type FromThread =
  | ({ readonly kind: 'filled' } & FilledBlocks)
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

function serve(port: NonNullable<typeof parentPort>, { directory, identity }: ThreadStart): void {
  const send = (message: FromThread, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer)
  // A copied Buffer arrives as a plain Uint8Array.
  const path = typeof directory === 'string' ? directory : Buffer.from(directory)
  const directories = new OpenDirectories(openDirectory(path))
  const filler = new BlockFiller(directories)
  const isSame = directories.identity === identity
  port.on('message', (message: ToThread) => {
    if (message.kind === 'end') {
      directories.close()
      directories.root.close()
      port.close()
      return
    }
    try {
      const places = [...unpackPlaces(message.places)]
      // Nothing is read where another directory has taken its place.
      const filled = isSame
        ? filler.read(places, message.compress)
        : { blocks: [], placing: new Int32Array(2 * places.length).fill(-1) }
      const memory = filled.blocks.map(({ payload }) => payload.buffer)
      send({ kind: 'filled', ...filled }, [...memory, filled.placing.buffer])
    } catch (error) {
      const { code, message } = fromSystem(error, 'read files')
      send({ kind: 'failed', code, message })
    }
  })
}

if (parentPort) serve(parentPort, workerData as ThreadStart)
