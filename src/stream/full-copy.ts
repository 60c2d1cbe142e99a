import { join } from 'node:path'
import type { StreamLayout } from './layout.ts'
import { pendingIn, readPendingText } from './pending.ts'
import { readIfThere, versionsIn } from './version-files.ts'
import { compareVersions, type VersionName } from './version-name.ts'

/** The full text of version `name`, if one is kept: in `latest`, or pending. */
export function readFull(layout: StreamLayout, name: VersionName): Buffer | undefined {
  return readIfThere(join(layout.latest, `${name}.txt`)) ?? readPendingText(layout, name)
}

/** The newest version of which a full text is kept. After a power cut it may be one that is not in `latest`. */
export function newestFull(layout: StreamLayout): VersionName | undefined {
  const named = versionsIn(layout.latest).at(-1)
  const unnamed = pendingIn(layout).findLast(
    ({ kind, name }) =>
      kind === 'text' &&
      (named === undefined || compareVersions(name, named) > 0) &&
      readPendingText(layout, name) !== undefined,
  )
  return unnamed?.name ?? named
}
