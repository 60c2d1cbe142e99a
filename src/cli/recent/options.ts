/** What `recent` is told; the summaries of the options say which action heeds what. */
export interface RecentOptions {
  readonly intervals: readonly string[] | undefined
  readonly serializer: 'yaml' | 'json' | undefined
  readonly comment: string | undefined
  readonly force: boolean
  readonly add: boolean
  readonly delete: boolean
  readonly epoch: string | undefined
  readonly after: string | undefined
  readonly before: string | undefined
  readonly max: number | undefined
  readonly containsEpoch: string | undefined
  readonly containsPath: string | undefined
  readonly containsType: string | undefined
  readonly skipDeletes: boolean
  readonly keepDeletes: boolean
  readonly remote: string | undefined
  readonly yes: boolean
  readonly dryRun: boolean
  readonly lockTimeout: number | undefined
}
