import type { VersionName } from './version-name.ts'

/** What a stream's log is told. */
export type StreamEvent =
  | {
      readonly event: 'recorded'
      readonly version: VersionName
      readonly bytes: number
      readonly diffBytes: number
    }
  | { readonly event: 'unchanged'; readonly version: VersionName }
  /** A content that an earlier writer had lost was found in `latest.txt` and made a version. */
  | { readonly event: 'recovered'; readonly bytes: number }
  | { readonly event: 'packed'; readonly versions: number }
  | { readonly event: 'not packed'; readonly reason: string }
  | { readonly event: 'forgotten'; readonly versions: number }
