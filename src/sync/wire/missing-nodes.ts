import { randomBytes } from 'node:crypto'
import { Reader } from '../../bytes/reader.ts'
import { corrupt, TidemarkError } from '../../errors.ts'
import type { ContentRef } from '../../object/content.ts'
import type { Id } from '../../object/id.ts'
import {
  cellLength,
  digestLength,
  peel,
  saltLength,
  SetIndex,
  Sketch,
  type Ids,
} from '../../reconcile/index.ts'
import { wordsOf } from '../../reconcile/words.ts'
import type { CallOptions } from '../../store/bucket.ts'
import { digestOf } from './answer-nodes.ts'
import type { Channel } from './channel.ts'
import type { Connection } from './connection.ts'
import {
  decodeIdList,
  encodeNodesQuestion,
  encodeNodesRequest,
  mostCells,
  mostCellsInAll,
  mostIds,
  type NodesQuestion,
} from './node-messages.ts'

/** Cells that are asked for at first: enough for a hundred and fifty differences, and 3 KiB. */
const firstCells = 256
const growth = 4
const noId: Id = '\0'.repeat(digestLength)

/** See `Peer.missingNodes`. */
export async function* missingNodes(
  connection: Connection,
  root: ContentRef,
  have: AsyncIterable<readonly Id[]>,
  options: CallOptions = {},
): AsyncGenerator<readonly Id[], void> {
  const own = new SetIndex()
  for await (const ids of have) for (const id of ids) own.add(digestOf(id), undefined)
  const salt = randomBytes(saltLength)
  const channel = await connection.call('nodes', encodeNodesRequest({ root, salt }), options)
  try {
    const asking = new Asking(connection.name, channel)
    const count = await asking.count()
    const added = await difference(asking, own, salt, count)
    if (added === undefined) {
      yield* asking.all(count, own)
    } else {
      for (let at = 0; at < added.length; at += 2 * mostIds) {
        yield await asking.names(added.subarray(at, at + 2 * mostIds))
      }
    }
    channel.end()
  } finally {
    // Nothing, when it has come to its end.
    if (!channel.isEnding) channel.reset(new TidemarkError('cancelled', 'no longer wanted'))
  }
}

/** The 8-byte ids of what only the other side has; undefined when to list all is cheaper than to go on. */
async function difference(
  asking: Asking,
  own: SetIndex,
  salt: Uint8Array,
  count: number,
): Promise<Ids | undefined> {
  if (own.size === 0) return undefined
  let theirs = new Sketch({ salt, size: firstCells })
  let from = 0
  for (;;) {
    const { size } = theirs
    if (size > mostCellsInAll || size * cellLength > count * digestLength + firstCells * cellLength)
      return undefined
    for (; from < size; from = Math.min(size, from + mostCells)) {
      const to = Math.min(size, from + mostCells)
      theirs.cells.set(await asking.cells(from, to), (from * cellLength) / 4)
    }
    const apart = peel(theirs.clone().subtract(own.sketch({ salt: theirs.key, size })))
    if (apart !== undefined) {
      const { added, removed } = own.resolve(theirs.key, apart)
      // Otherwise what was told does not fit together: all ids are asked for.
      return added.length / 2 - removed.length === count - own.size ? added : undefined
    }
    const larger = new Sketch({ salt: theirs.key, size: size * growth })
    larger.cells.set(theirs.cells)
    theirs = larger
  }
}

/** Questions and their answers, one at a time. Rejects `corrupt` for answers that do not fit. */
class Asking {
  readonly #name: string
  readonly #channel: Channel

  constructor(name: string, channel: Channel) {
    this.#name = name
    this.#channel = channel
  }

  async #next(): Promise<Uint8Array> {
    const message = await this.#channel.receive()
    if (message === undefined) throw corrupt(this.#name, 'an answer about nodes is missing')
    return message
  }

  async #ask(question: NodesQuestion): Promise<Uint8Array> {
    await this.#channel.send(encodeNodesQuestion(question))
    return this.#next()
  }

  async count(): Promise<number> {
    const reader = new Reader(await this.#next(), 'number of nodes')
    const count = reader.varint()
    reader.end()
    return count
  }

  async cells(from: number, to: number): Promise<Int32Array> {
    const bytes = await this.#ask({ kind: 'cells', from, to })
    if (bytes.length !== (to - from) * cellLength)
      throw corrupt(this.#name, 'not the cells that were asked for')
    return wordsOf(bytes)
  }

  async names(ids: Ids): Promise<Id[]> {
    const named = decodeIdList(await this.#ask({ kind: 'names', ids }), ids.length / 2)
    if (named.length !== ids.length / 2) throw corrupt(this.#name, 'not the nodes that were asked for')
    return named.filter((id) => id !== noId)
  }

  /** All that `own` does not have. */
  async *all(count: number, own: SetIndex): AsyncGenerator<Id[], void> {
    for (let from = 0; from < count;) {
      const ids = decodeIdList(await this.#ask({ kind: 'list', from }), mostIds)
      if (ids.length === 0) throw corrupt(this.#name, 'fewer nodes than were said to be there')
      from += ids.length
      yield ids.filter((id) => !own.has(digestOf(id)))
    }
  }
}
