import type { Name } from '../../bytes/name.ts'
import type { TidemarkError } from '../../errors.ts'
import type { Location } from '../transport/location.ts'
import type { Transport } from '../transport/transport.ts'
import type { TreeCheck } from './check-tree.ts'
import type { Done } from './done.ts'

export interface MirrorOptions {
  readonly source: Location
  /** An absolute path; it is made. */
  readonly directory: string
  readonly signal: AbortSignal
  /** What the origin has deleted stays. */
  readonly skipDeletes?: boolean | undefined
  /** Bytes a second. */
  readonly bandwidth?: number | undefined
  readonly jobs?: number | undefined
  readonly requireSignature?: boolean | undefined
  /** The origin's public key, in base64url. */
  readonly key?: string | undefined
  /** The key and number of a head that are remembered do not count any more. */
  readonly forgetKey?: boolean | undefined
  /** A link that is turned to the tree whenever that is complete. */
  readonly current?: string | undefined
  /** For how many milliseconds what it led to before stays as it was. */
  readonly grace?: number | undefined
  /** Another way to the origin than `source` tells. */
  readonly transport?: Transport | undefined
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined
  readonly onEvent?: ((event: MirrorEvent) => void) | undefined
}

export type MirrorEvent =
  /** Some work was done: at most some times a second. */
  | { readonly kind: 'progress'; readonly done: Done; readonly left: number }
  /** An item was set aside, an event of the index refused. */
  | { readonly kind: 'aside'; readonly path: Name; readonly error: TidemarkError }
  | { readonly kind: 'refused'; readonly error: TidemarkError }
  /** The origin could not be followed just now; tried again after so many milliseconds. */
  | { readonly kind: 'failed'; readonly error: TidemarkError; readonly pause: number }
  /** The mirror is what the origin was when it was looked at. */
  | { readonly kind: 'complete'; readonly report: MirrorReport }

export interface MirrorReport extends Readonly<Done> {
  /** Nothing was new. */
  readonly unchanged: boolean
  /** Everything was read and compared. */
  readonly full: boolean
  /** Items that are set aside, from earlier as well. */
  readonly waiting: number
  /** Events that were refused. */
  readonly refused: number
}

export interface VerifyReport extends TreeCheck {
  /** Of what was not listed. */
  readonly removed: number
  /** What is known of the origin adds up to what its head says. */
  readonly proven: boolean
  /** The whole index was read again for it. */
  readonly reread: boolean
  readonly repair: MirrorReport
}
