/**
 * RECENT index files: what changed in a tree, newest first, in a few files of growing intervals. Readers and
 * writers, and the rules by which events get in, move on, and drop out. Pure: no IO, and clocks are arguments.
 * The format is docs/format/recent.md.
 */
export { compareEpochs, epochOfMicroseconds, isEpoch, maxEpoch, minEpoch, type Epoch } from './epoch.ts'
export type { EventType, RecentEvent } from './event.ts'
export type { Merged, Meta, MetaValue, MinMax, Recentfile } from './recentfile.ts'
export { parseRecentfile, perlOnly, RecentReader } from './recent-reader.ts'
export { defaultLimits, type ReadLimits } from './limits.ts'
export { printPreamble, rebuild, serialise, serialiseParts, type Preamble } from './serialise.ts'
export { checkPath } from './path.ts'
export { isIndexPath, isOwnPath, nameOfHead, nameOfIndex, nameOfPrincipalLink } from './names.ts'
export { nameOfSketch, ownDirectory, parseIndexName, type IndexName } from './names.ts'
export { parseDetail, printDetail, type Detail } from './detail.ts'
export type { DirectoryDetail, FileDetail, LinkDetail } from './detail.ts'
export { Done, type DoneInterval } from './done.ts'
export { encodeHead, fromBase64Url, isSignedHead, longestHead, parseHead, toBase64Url } from './head.ts'
export type { Head, IndexDigest, SignedHead, SketchReference } from './head.ts'
export { increaseEpoch } from './increase-epoch.ts'
export { allTime, intervalSeconds, sortIntervals, type Interval } from './interval.ts'
export { checkOrder, isOrdered, putInOrder } from './order.ts'
export { emptyFile, produce, type NewFile, type Producer } from './produce.ts'
export { update, type Change } from './update.ts'
export { merge, type MergeOptions, type MergeResult } from './merge.ts'
export { aggregate, intervalsOf, type AggregateOptions, type Shelf } from './aggregate.ts'
export { news, type NewsQuery } from './news.ts'
export { overview, type OverviewRow } from './overview.ts'
