import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import { joinPath } from '../../tree/path.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { SystemPath } from '../system/paths.ts'
import type { Below, Group, Slot } from './assembly.ts'
import type { IgnoreRules } from './ignore-rules.ts'

/** A directory that is being scanned, or is about to be. */
export interface Directory {
  /** For messages and for what takes no handle: whoever may write above it can lead this path anywhere. */
  readonly path: SystemPath
  readonly relative: Name
  /** What the last snapshot says of it; undefined for a new one. */
  readonly before: Below | undefined
  readonly rules: IgnoreRules
  readonly dev: bigint
  /** As trees and states have it: signed. */
  readonly ino: bigint
  /** `all`: everything below it is looked at; `names`: its own entries are; `through`: only what leads on. */
  readonly depth: 'all' | 'names' | 'through'
  /** Some of what it holds is left out. */
  leavesSome: boolean
}

/** Where the entries of some names of a directory go. */
export class Place {
  readonly directory: Directory
  readonly handle: DirectoryHandle
  readonly group: Group & { readonly slots: (Slot | number)[] }
  readonly #wait: () => void
  readonly #settle: () => void

  /** `wait` is called for each slot that is filled later, `settle` when it has been. */
  constructor(
    directory: Directory,
    handle: DirectoryHandle,
    group: Place['group'],
    wait: () => void,
    settle: () => void,
  ) {
    this.directory = directory
    this.handle = handle
    this.group = group
    this.#wait = wait
    this.#settle = settle
  }

  /** The path of one of its names, from the root. */
  path(name: Name): Name {
    return joinPath(this.directory.relative, name)
  }

  /** Takes over that entry of the group's leaf, with what is below it. */
  keep(index: number, size: number, count: number): void {
    this.group.slots.push(index)
    this.group.size += size
    this.group.count += count
  }

  add(slot: Slot): void {
    this.group.slots.push(slot)
  }

  /** The slot just added is filled later; then {@link settle} is called. */
  wait(): void {
    this.group.waiting++
    this.#wait()
  }

  settle(): void {
    this.group.waiting--
    this.#settle()
  }
}

export const nothingBelow: Below = { content: undefined, size: 0, count: 0 }

export function belowOf({ content, size, count }: DirectoryEntry): Below {
  return { content, size, count }
}
