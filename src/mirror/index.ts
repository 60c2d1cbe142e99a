/** Publishing a tree and following one, as functions: `tidemark/mirror`. */

export { publish, publishOnce } from './origin/publish.ts'
export type { PublishEvent, PublishOptions, PublishReport } from './origin/publish.ts'
export { Mirror } from './follow/mirror.ts'
export type { MirrorEvent, MirrorOptions, MirrorReport, VerifyReport } from './follow/mirror-options.ts'
export { statusOf } from './follow/status.ts'
export type { MirrorStatus } from './follow/status.ts'
export { parseLocation } from './transport/location.ts'
export type { Location } from './transport/location.ts'
