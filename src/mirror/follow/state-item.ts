import type { SQLInputValue } from 'node:sqlite'
import { nameFromBytes, nameToBytes, type Name } from '../../bytes/name.ts'

/** What is remembered of an item. */
export interface Item {
  readonly path: Name
  readonly epoch: string
  readonly gone: boolean
  readonly detail: string
  readonly have: string | undefined
  readonly round: number
  readonly tries: number
  /** What stands here was found not to be what was put there. */
  readonly lost: boolean
}

export type Row = Readonly<Record<string, SQLInputValue>>

export function itemOf(row: Row, path?: Name): Item {
  return {
    path: path ?? nameFromBytes(row['path'] as Uint8Array),
    epoch: row['epoch'] as string,
    gone: row['gone'] === 1,
    detail: row['detail'] as string,
    have: (row['have'] as string | null) ?? undefined,
    round: Number(row['round']),
    tries: Number(row['tries']),
    lost: row['lost'] === 1,
  }
}

/** What a file is found by that has the content told of; null where a detail tells of none. */
export function contentOf(detail: string): number | null {
  return detail.startsWith('f ') ? numberOf(detail.slice(-43)) : null
}

/** The first six bytes of a hash in base64url: as many as a number holds. */
export function numberOf(hash: string): number {
  return Buffer.from(hash.slice(0, 8), 'base64url').readUIntBE(0, 6)
}

const encoder = new TextEncoder()
/** Of three bytes for each character of the longest path: the database copies what it is given. */
const scratch = new Uint8Array(3 * 4096)

/** The bytes of a path, for the next call only: a buffer of its own for each would be the most that a mirror allocates. */
export function keyOf(path: Name): Uint8Array {
  if (3 * path.length > scratch.length || !path.isWellFormed()) return nameToBytes(path)
  return scratch.subarray(0, encoder.encodeInto(path, scratch).written)
}
