import { rmSync, writeFileSync } from 'node:fs'
import { setImmediate as heard } from 'node:timers/promises'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { sha256Hex } from '../../hash/sha256.ts'
import { nameOfSketch, type Head } from '../../recent/index.ts'
import { decodeHeader, headerLength, type SketchHeader } from '../../reconcile/index.ts'
import type { Transport } from '../transport/transport.ts'
import { TreeSum } from '../tree-sum.ts'
import type { MirrorState } from './mirror-state.ts'
import type { Item } from './state-item.ts'
import { unhide } from './publish.ts'

const atOnce = 4096

export interface SketchHandOn {
  readonly transport: Transport
  readonly state: MirrorState
  /** The mirror's top. */
  readonly root: DirectoryHandle
  /** A file that is not there, to make the copy in. */
  readonly waiting: string
  /** The head that is in its place. */
  readonly head: Head
  /** What its name begins with. */
  readonly indexRoot: string
  readonly signal: AbortSignal
}

/**
 * Puts the origin's sketch beside the head that names it, so that a mirror of this mirror can be proven by it. Only one
 * that is of this very head proves something. It need not be fetched: what is in it is known here, but for its salt, and the
 * hash in the head tells whether all is as it should be. False when nothing was done.
 */
export async function handOnSketch(options: SketchHandOn): Promise<boolean> {
  const { transport, state, root, waiting, head, indexRoot, signal } = options
  const { sketch } = head
  const name = nameOfSketch(indexRoot)
  if (sketch?.name !== name || sketch.sequence !== head.sequence || state.get('sketch') === sketch.sha256)
    return false
  const header = await readHeader(transport, name, signal)
  if (header?.size !== sketch.cells) return false
  const bytes = await sketchOf(state, header)
  if (sha256Hex(bytes) !== sketch.sha256) return false
  writeFileSync(waiting, bytes)
  unhide(root, waiting, name, { isDurable: false })
  state.set('sketch', sketch.sha256)
  return true
}

async function readHeader(
  transport: Transport,
  name: string,
  signal: AbortSignal,
): Promise<SketchHeader | undefined> {
  const reading = await transport.read(name, { range: { start: 0, end: headerLength }, signal })
  if (typeof reading === 'string' || reading.start !== 0) return undefined
  const bytes = new Uint8Array(headerLength)
  let at = 0
  for await (const piece of reading.body) {
    const part = piece.subarray(0, headerLength - at)
    bytes.set(part, at)
    at += part.length
    if (at === headerLength && !transport.ranged) break
  }
  return decodeHeader(bytes.subarray(0, at))
}

/** Of all items that are known, a few at a time: it takes a second for some hundred thousand. */
async function sketchOf(state: MirrorState, { salt, size, profile }: SketchHeader): Promise<Uint8Array> {
  const sum = new TreeSum({ salt, size, profile })
  let batch: Item[] = []
  for (const item of state.items.all()) {
    if (!item.gone) batch.push(item)
    if (batch.length < atOnce) continue
    sum.addAll(batch)
    batch = []
    await heard()
  }
  sum.addAll(batch)
  return sum.encode()
}

/** Takes the sketch away that the head does not name any more: it would prove nothing. */
export function removeOldSketch(
  state: MirrorState,
  root: DirectoryHandle,
  head: Head | undefined,
  indexRoot: string,
): void {
  const known = state.get('sketch')
  if (known === undefined || known === head?.sketch?.sha256) return
  state.set('sketch', undefined)
  rmSync(root.path(nameOfSketch(indexRoot)), { force: true })
}
