import { rmSync } from 'node:fs'
import { TidemarkError } from '../../errors.ts'
import type { Epoch } from '../../recent/index.ts'
import type { Transport } from '../transport/transport.ts'
import { changed, CopyWriter, describe } from './copy-writer.ts'
import { copyMerged, copyTop, predict } from './index-join.ts'

/** What is noted of our own copy of an index. */
export interface IndexCopy {
  readonly name: string
  readonly size: number
  /** In hexadecimal. */
  readonly sha256: string
  /** As the transport names it. */
  readonly state?: string | undefined
  /** Bytes of what stands before its events, and the same with the first of them. */
  readonly preamble: number
  readonly top: number
  readonly dirtymark?: Epoch | undefined
  readonly max?: Epoch | undefined
  readonly merged?: Epoch | undefined
  /** Nanoseconds, in decimal. */
  readonly mtime?: string | undefined
}

/** What an index should be, where a head says so. */
export interface Expected {
  readonly size: number
  readonly sha256: string
}

export interface OwnCopy {
  readonly path: string
  readonly copy: IndexCopy
}

export interface CopyRequest {
  readonly transport: Transport
  readonly name: string
  /** Where the new copy is to be written: a file that is not there. */
  readonly to: string
  /** Our own copy, and what is known of it. */
  readonly own?: OwnCopy | undefined
  readonly expected?: Expected | undefined
  /** The newest copy of the index before it, from which events flow into this one. */
  readonly before?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** No tree has an index as large: a hostile origin must not fill the disk with one. */
export const largestIndex: number = 4 * 1024 ** 3

/**
 * Makes a copy of an index of the origin, `same` when it is what our own is. Where a head tells what it must
 * be, only its new top is read if that will do: the rest is taken from our own copy, and the whole proven by its
 * hash. Rejects `conflict` when what is there is not what the head says (yet, or any more).
 */
export async function copyIndex(request: CopyRequest): Promise<IndexCopy | 'same' | 'missing'> {
  const { transport, own, expected, to } = request
  if (expected !== undefined && expected.size > largestIndex) throw tooLarge(request.name)
  if (expected !== undefined && expected.sha256 === own?.copy.sha256) return 'same'
  if (own?.copy.max === undefined) return copyWhole(request, own?.path)
  if (transport.ranged) {
    const copy =
      expected && ((await copyMerged(request, expected, own)) ?? (await copyTop(request, expected, own)))
    return copy ?? copyWhole(request, own.path)
  }
  const guess = predict(request, own, `${to}.guess`)
  try {
    return await copyWhole(request, guess ?? own.path)
  } finally {
    if (guess !== undefined) rmSync(guess, { force: true })
  }
}

/** `basis` is a file that is much like it. */
async function copyWhole(
  { transport, name, to, own, expected, signal }: CopyRequest,
  basis: string | undefined,
): Promise<IndexCopy | 'same' | 'missing'> {
  const known = expected === undefined ? own?.copy.state : undefined
  const reading = await transport.read(name, { known, basis, signal })
  if (reading === 'missing' || reading === 'same') return reading
  if (reading === 'changed') throw changed(name)
  const writer = new CopyWriter(to)
  try {
    for await (const piece of reading.body) {
      if (writer.size + piece.length > (expected?.size ?? largestIndex)) {
        throw expected === undefined ? tooLarge(name) : changed(name)
      }
      writer.write(piece)
    }
  } finally {
    writer.close()
  }
  if (reading.size !== undefined && reading.size !== writer.size) {
    throw new TidemarkError('unavailable', `${name}: only ${writer.size} of ${reading.size} bytes came`)
  }
  return describe(name, to, writer, expected, reading)
}

function tooLarge(name: string): TidemarkError {
  return new TidemarkError('limit', `${name} has more than ${largestIndex} bytes`)
}
