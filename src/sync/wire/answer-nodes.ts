import { Writer } from '../../bytes/writer.ts'
import { idFromBytes, idToBytes, type Id } from '../../object/id.ts'
import {
  cellLength,
  digestLength,
  SetIndex,
  sketchKey,
  type Sketch,
  type SketchKey,
} from '../../reconcile/index.ts'
import { putWords } from '../../reconcile/words.ts'
import type { Store } from '../../store/store.ts'
import type { Call } from './call.ts'
import {
  decodeNodesQuestion,
  decodeNodesRequest,
  encodeIdList,
  mostIds,
  type NodesQuestion,
} from './node-messages.ts'
import { treeNodes } from './tree-nodes.ts'

/** Stands for an item that is not there. */
const noId: Id = '\0'.repeat(digestLength)
const cellWords = cellLength / 4

/** Answers questions about the set of nodes of a tree that `store` has whole. */
export async function answerNodes(store: Store, { parameters, channel }: Call): Promise<void> {
  const { root, salt } = decodeNodesRequest(parameters)
  const nodes = new NodeSet(sketchKey(salt))
  for await (const ids of treeNodes(store, root, { signal: channel.signal })) nodes.add(ids)
  await channel.send(new Writer(8).varint(nodes.size).finish())
  for await (const message of channel) await channel.send(nodes.answer(decodeNodesQuestion(message)))
}

class NodeSet {
  readonly #key: SketchKey
  readonly #index = new SetIndex()
  #sketch: Sketch | undefined
  #sorted: Id[] | undefined

  constructor(key: SketchKey) {
    this.#key = key
  }

  get size(): number {
    return this.#index.size
  }

  add(ids: readonly Id[]): void {
    for (const id of ids) this.#index.add(digestOf(id), undefined)
  }

  answer(question: NodesQuestion): Uint8Array {
    if (question.kind === 'cells') return this.#cells(question.from, question.to)
    if (question.kind === 'list')
      return encodeIdList(this.#list().slice(question.from, question.from + mostIds))
    const named: Id[] = []
    for (let at = 0; at < question.ids.length; at += 2) {
      const entry = this.#index.find(this.#key, question.ids[at]!, question.ids[at + 1]!)
      named.push(entry < 0 ? noId : idFromBytes(this.#index.digest(entry), 0))
    }
    return encodeIdList(named)
  }

  #cells(from: number, to: number): Uint8Array {
    if ((this.#sketch?.size ?? 0) < to) this.#sketch = this.#index.sketch({ salt: this.#key, size: to })
    const words = this.#sketch!.cells.subarray(from * cellWords, to * cellWords)
    const bytes = new Uint8Array(4 * words.length)
    putWords(words, bytes, 0)
    return bytes
  }

  #list(): Id[] {
    if (this.#sorted === undefined) {
      const digests = this.#index.digests()
      this.#sorted = Array.from({ length: this.size }, (_, at) =>
        idFromBytes(digests, at * digestLength),
      ).toSorted()
    }
    return this.#sorted
  }
}

export function digestOf(id: Id): Uint8Array {
  const digest = new Uint8Array(digestLength)
  idToBytes(id, digest, 0)
  return digest
}
