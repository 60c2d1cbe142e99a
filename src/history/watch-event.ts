import type { TidemarkError } from '../errors.ts'
import type { Why } from '../folder/watch/dirty.ts'

/** What a watch says about its work; `message` is for a person, without the folder's path. */
export type WatchEvent = { readonly message: string } & (
  | {
      /** A scan begins: of everything for the reason `why`, else of so many directories. */
      readonly kind: 'scan'
      readonly why?: Why | undefined
      readonly directories?: number | undefined
    }
  /** The first scan is done: from now on changes in so many directories are noticed. */
  | { readonly kind: 'watching'; readonly directories: number }
  /** Not all directories can be watched, so everything is looked at more often. */
  | { readonly kind: 'blind' }
  /** Changes came faster than the system passes them on: everything is looked at. */
  | { readonly kind: 'lost' }
  /** The folder is not there: its return is waited for. */
  | { readonly kind: 'away'; readonly error: TidemarkError }
  | { readonly kind: 'back' }
  /** No snapshot could be taken. Nothing is lost: the next attempt is in `waitMs` milliseconds. */
  | { readonly kind: 'failed'; readonly error: TidemarkError; readonly waitMs: number }
  | { readonly kind: 'recovered' }
)
