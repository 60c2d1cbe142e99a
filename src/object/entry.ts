import type { Name } from '../bytes/name.ts'
import type { ContentRef } from './content.ts'

/** What a tree says about one name in a directory. */
export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | DeviceEntry | PipeEntry

interface Common {
  readonly name: Name
  /** The twelve permission bits, set-id and sticky bits included. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint
  /** In ascending byte order of their names. */
  readonly xattrs: readonly Xattr[]
  /**
   * Set when this is a further name of a file: the path (from the root of the tree, parts joined by `/`) of
   * the first, in the order of a walk that takes names in byte order and enters a directory when it comes
   * to it. Content and metadata are the same as there.
   */
  readonly link?: Name | undefined
  /** Its content could not be read when the tree was made; `content` is absent. */
  readonly unreadable: boolean
}

export interface FileEntry extends Common {
  readonly kind: 'file'
  /** Bytes, holes included. */
  readonly size: number
  readonly content?: ContentRef | undefined
  /** It changed each time it was read: the bytes may mix several of its states. */
  readonly unstable: boolean
}

export interface DirectoryEntry extends Common {
  readonly kind: 'directory'
  /** Sum of the sizes of all files below, each name counted; see {@link addSizes}. */
  readonly size: number
  /** Number of entries below, at any depth. */
  readonly count: number
  readonly content?: ContentRef | undefined
}

/** A larger file cannot be kept: lists of its content could not state its length. */
export const maxFileSize: number = 2 ** 52 - 1

/** The size of two things together, as far as it can be stated: files may be nearly all hole. */
export function addSizes(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER)
}

export interface SymlinkEntry extends Common {
  readonly kind: 'symlink'
  readonly target: Name
}

export interface DeviceEntry extends Common {
  readonly kind: 'character-device' | 'block-device'
  readonly major: number
  readonly minor: number
}

export interface PipeEntry extends Common {
  readonly kind: 'fifo' | 'socket'
}

export type Kind = Entry['kind']

export interface Xattr {
  readonly name: Name
  readonly value: Uint8Array
}
