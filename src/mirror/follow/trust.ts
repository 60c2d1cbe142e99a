import { TidemarkError } from '../../errors.ts'
import { isSignedHead, type SignedHead } from '../../recent/index.ts'
import type { MirrorState } from './mirror-state.ts'

export interface TrustOptions {
  /** An origin without a good signature is refused. */
  readonly requireSignature: boolean
  /** The public key that it must be of, in base64url; the first that is met when left out. */
  readonly key?: string | undefined
}

/**
 * Judges the head of an origin: it must be signed by the key that was given or met first, and its number must not
 * go back. Throws `denied` for what is forged, stripped or stale. To be called for each new head, before anything is
 * taken from it; `note` is for when it was followed.
 */
export function checkHead(head: SignedHead, state: MirrorState, options: TrustOptions): void {
  const wanted = options.key ?? state.get('key')
  if (head.signature !== undefined || wanted !== undefined || options.requireSignature) {
    if (head.signature === undefined) throw untrusted('its head is not signed')
    if (!isSignedHead(head)) throw untrusted('the signature of its head is wrong')
    if (wanted !== undefined && head.key !== wanted) {
      throw untrusted(`its head is signed by another key (${head.key}, not ${wanted})`)
    }
  }
  const seen = Number(state.get('sequence') ?? -1)
  if (head.sequence < seen) {
    throw untrusted(`its head is older than one that was seen before (${head.sequence} after ${seen})`)
  }
}

/** Remembers whose head was followed, and how far. */
export function noteHead(head: SignedHead, state: MirrorState): void {
  if (head.key !== undefined && head.signature !== undefined) state.set('key', head.key)
  state.set('sequence', String(Math.max(head.sequence, Number(state.get('sequence') ?? -1))))
}

/** Throws `denied` when an origin without a head must not be followed. */
export function checkHeadless(state: MirrorState, options: TrustOptions): void {
  if (options.requireSignature) throw untrusted('it has no signed head')
  if ((options.key ?? state.get('key')) !== undefined) {
    throw untrusted('its signed head is gone (to follow it without: remove the key, --forget-key)')
  }
}

function untrusted(why: string): TidemarkError {
  return new TidemarkError('denied', `stale or forged origin: ${why}`)
}
