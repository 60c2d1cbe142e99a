import { DirectoryWatcher } from './directory-watcher.ts'
import { RecursiveWatcher } from './recursive-watcher.ts'
import type { OpenWatcher } from './watcher.ts'

/** The watcher for this platform. */
export const openWatcher: OpenWatcher = (root, hints) =>
  process.platform === 'linux' ? new DirectoryWatcher(root, hints) : new RecursiveWatcher(root, hints)
