import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import type { SystemPath } from '../../folder/system/paths.ts'
import { DirectoryTransport } from './directory-transport.ts'
import { HttpTransport } from './http-transport.ts'
import type { Location } from './location.ts'
import { RsyncTransport } from './rsync-transport.ts'
import { Throttle } from './throttle.ts'
import type { Transport } from './transport.ts'

export interface TransportOptions {
  /** Bytes a second at most; no limit when left out. */
  readonly bandwidth?: number | undefined
  /** How many files at a time; what is usual for the kind when left out. */
  readonly jobs?: number | undefined
  /** For temporary files, on the file system of the mirror. */
  readonly scratch: DirectoryHandle
  /** The top of the mirror's tree. */
  readonly local: SystemPath
}

export function openTransport({ kind, base }: Location, options: TransportOptions): Transport {
  const { bandwidth = Infinity, jobs, scratch, local } = options
  const throttle = new Throttle(bandwidth)
  if (kind === 'directory') return new DirectoryTransport(base, { throttle })
  if (kind === 'http') return new HttpTransport(base, { jobs, throttle })
  return new RsyncTransport(base, { scratch, local, bandwidth })
}
