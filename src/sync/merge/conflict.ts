import type { Name } from '../../bytes/name.ts'

/** Both sides have changed what stands at a path, in ways that do not go together. */
export interface Conflict {
  readonly path: Name
  /** Where the loser stands from now on; undefined for a fifo or a socket, in which there is nothing to keep. */
  readonly copy: Name | undefined
  /** The hosts, as in {@link Side}: of the side whose version has kept the path, and of the other. */
  readonly winner: string
  readonly loser: string
}
