import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { TidemarkError } from '../../errors.ts'
import { rebuild } from '../../recent/index.ts'
import { writeFully } from '../../store/durable.ts'
import type { Reading } from '../transport/transport.ts'
import type { Expected, IndexCopy } from './index-copy.ts'
import { beginning } from './index-events.ts'

/** Writes a copy and takes its measure. */
export class CopyWriter {
  size = 0
  readonly #fd: number
  readonly #hash = createHash('sha256')
  #sha256: string | undefined

  constructor(to: string) {
    this.#fd = openSync(to, 'w', 0o644)
  }

  write(piece: Uint8Array): void {
    writeFully(this.#fd, piece)
    this.#hash.update(piece)
    this.size += piece.length
  }

  sha256(): string {
    return (this.#sha256 ??= this.#hash.digest('hex'))
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** What is to be noted of a copy. Throws `conflict` when it is not what was expected. */
export function describe(
  name: string,
  to: string,
  writer: CopyWriter,
  expected: Expected | undefined,
  { state, fresh, mtimeNs }: Reading,
): IndexCopy {
  const { size } = writer
  const sha256 = writer.sha256()
  if (expected !== undefined && (size !== expected.size || sha256 !== expected.sha256)) throw changed(name)
  const { meta, first, preamble } = beginning(to)
  let top = 0
  for (const piece of rebuild(preamble, first === undefined ? [] : [first])) top += piece.length
  return {
    name,
    size,
    sha256,
    state: fresh ? undefined : state,
    preamble: preamble.length,
    top,
    dirtymark: meta.dirtymark,
    max: first?.epoch,
    merged: meta.merged?.epoch,
    mtime: mtimeNs?.toString(),
  }
}

export function changed(name: string): TidemarkError {
  return new TidemarkError('conflict', `${name} is not what the head says of it`)
}
