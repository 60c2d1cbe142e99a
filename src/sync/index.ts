/** Keeping copies of a folder in step, as functions: `tidemark/sync`. */

export { keepDirectoriesInStep, syncDirectories } from './directories.ts'
export type {
  DirectoriesSynchronized,
  KeepDirectoriesOptions,
  SyncDirectoriesOptions,
} from './directories.ts'
export { findConflictCopies } from './conflict-copies.ts'
export type { Guard } from './guard.ts'
export type { Head } from './head.ts'
export type { KeepEvent } from './keep-folder.ts'
export type { StepEvent } from './keep-in-step.ts'
export type { Conflict } from './merge/conflict.ts'
export type { Mode } from './mode.ts'
export type { Pulled, PullProgress } from './pulled.ts'
export type { Synchronized } from './synchronize.ts'
