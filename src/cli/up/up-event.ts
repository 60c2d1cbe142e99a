import type { KeepEvent } from '../../sync/keep-folder.ts'
import type { Pulled } from '../../sync/pulled.ts'
import type { UpFolder } from './up-file.ts'

export type UpEvent =
  | { readonly kind: 'listening'; readonly host: string; readonly port: number }
  | { readonly kind: 'stranger'; readonly address: string; readonly fingerprint: string | undefined }
  | { readonly kind: 'called'; readonly address: string; readonly peer: string | undefined }
  | { readonly kind: 'folder'; readonly folder: UpFolder; readonly event: KeepEvent; readonly taken: Told }
  /** A peer that called had the folder take something in. */
  | { readonly kind: 'given'; readonly folder: UpFolder; readonly peer: string; readonly pulled: Pulled }

/** What the other side of a session took in; undefined when it is far, and does not tell. */
export type Told = readonly Pulled[] | undefined

export interface UpOptions {
  readonly signal: AbortSignal
  readonly onEvent: (event: UpEvent) => void
}
