import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { nameFromBytes } from '../../../../src/bytes/name.ts'
import { TidemarkError, isTidemarkError } from '../../../../src/errors.ts'
import { nothingDone } from '../../../../src/folder/apply/apply.ts'
import { idOf } from '../../../../src/object/id.ts'
import { encodeSnapshot } from '../../../../src/object/snapshot.ts'
import type { FilledBlock } from '../../../../src/store/block-source.ts'
import { Reader } from '../../../../src/bytes/reader.ts'
import { Writer } from '../../../../src/bytes/writer.ts'
import { BatchWriter } from '../../../../src/sync/wire/batch-writer.ts'
import { decodeBatch } from '../../../../src/sync/wire/decode-batch.ts'
import { decodeCall, encodeCall } from '../../../../src/sync/wire/call.ts'
import { applyDelta, makeDelta } from '../../../../src/sync/wire/delta.ts'
import { decodeFailure, encodeFailure } from '../../../../src/sync/wire/failure.ts'
import { ownFeatures } from '../../../../src/sync/wire/features.ts'
import {
  decodeHeadAnswer,
  decodeHeadRequest,
  encodeHeadAnswer,
  encodeHeadRequest,
  readHead,
  writeHead,
} from '../../../../src/sync/wire/head-messages.ts'
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome } from '../../../../src/sync/wire/hello.ts'
import {
  decodeIdList,
  decodeNodesQuestion,
  decodeNodesRequest,
  encodeIdList,
  encodeNodesQuestion,
  encodeNodesRequest,
  type NodesQuestion,
} from '../../../../src/sync/wire/node-messages.ts'
import { maxMessage } from '../../../../src/sync/wire/limits.ts'
import { decodePreamble, encodePreamble } from '../../../../src/sync/wire/preamble.ts'
import { decodeReport, encodeReport } from '../../../../src/sync/wire/report-message.ts'
import {
  decodeFetch,
  decodeWants,
  encodeFetch,
  encodeWants,
} from '../../../../src/sync/wire/want-messages.ts'
import { fuzz, ids, snapshots } from '../../../suites/arbitraries.ts'
import { mutate } from '../../../suites/mutations.ts'
import { seededRandom } from '../../../suites/random.ts'

const runs = { numRuns: 100 * fuzz }

const randomIds = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
const words = fc.string({ maxLength: 60 }).filter((text) => text.isWellFormed())
const features = fc.array(words, { maxLength: 8 })
const callers = fc.record({ program: words, device: randomIds, host: words }, { noNullPrototype: true })
const heads = snapshots.map((snapshot) => ({ id: idOf(encodeSnapshot(snapshot)), snapshot }))

const hellos = fc.record(
  {
    caller: callers,
    features,
    place: fc.option(fc.string({ maxLength: 200, unit: 'grapheme' }), { nil: undefined }),
    folder: fc.option(randomIds, { nil: undefined }),
    create: fc.option(fc.record({ history: words, join: fc.boolean() }, { noNullPrototype: true }), {
      nil: undefined,
    }),
  },
  { noNullPrototype: true },
)

test('decoding gives back what was encoded', () => {
  fc.assert(
    fc.property(hellos, (hello) => {
      assert.deepEqual(decodeHello(encodeHello(hello)), hello)
    }),
    runs,
  )
  fc.assert(
    fc.property(
      callers,
      features,
      randomIds,
      fc.constantFrom('read', 'read-write'),
      (who, features, folder, access) => {
        const welcome = { ...who, features, folder, access }
        assert.deepEqual(decodeWelcome(encodeWelcome(welcome)), welcome)
      },
    ),
    runs,
  )
  fc.assert(
    fc.property(heads, (head) => {
      const reader = new Reader(writeHead(new Writer(), head).finish(), 'head')
      assert.deepEqual(readHead(reader), head)
      reader.end()
      const request = { after: head.id, holds: true, waitMs: 1 }
      assert.equal(decodeHeadAnswer(encodeHeadAnswer(head, request)), undefined)
      assert.deepEqual(decodeHeadAnswer(encodeHeadAnswer(head, { ...request, holds: false })), head)
    }),
    runs,
  )
  fc.assert(
    fc.property(fc.option(ids, { nil: undefined }), fc.nat(600_000), (after, waitMs) => {
      const request = { after, holds: after !== undefined, waitMs }
      assert.deepEqual(decodeHeadRequest(encodeHeadRequest(request)), request)
    }),
    runs,
  )
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: ids, like: fc.option(ids, { nil: undefined }) }, { noNullPrototype: true }), {
        maxLength: 50,
      }),
      (wants) => {
        assert.deepEqual(decodeWants(encodeWants(wants, true)), wants)
        const without = wants.map(({ id }) => ({ id, like: undefined }))
        assert.deepEqual(decodeWants(encodeWants(wants, false)), without)
      },
    ),
    runs,
  )
  fc.assert(
    fc.property(words, fc.uint8Array(), (method, parameters) => {
      const call = decodeCall(encodeCall(method.slice(0, 16), parameters))
      assert.deepEqual(
        { ...call, parameters: new Uint8Array(call.parameters) },
        { method: method.slice(0, 16), parameters },
      )
    }),
    runs,
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 65_536, max: 0x7fff_ffff }),
      fc.integer({ min: 4, max: 0xffff_ffff }),
      (window, channels) => {
        assert.deepEqual(decodePreamble(encodePreamble({ window, channels })), { window, channels })
      },
    ),
    runs,
  )
})

const questions: fc.Arbitrary<NodesQuestion> = fc.oneof(
  fc
    .tuple(fc.nat(65_535), fc.integer({ min: 1, max: 65_536 }))
    .map(([from, more]): NodesQuestion => ({ kind: 'cells', from, to: from + more })),
  fc.nat().map((from): NodesQuestion => ({ kind: 'list', from })),
  fc
    .int32Array({ maxLength: 40 })
    .map((words): NodesQuestion => ({ kind: 'names', ids: words.slice(0, words.length & ~1) })),
)

test('questions about nodes come as they were asked', () => {
  fc.assert(
    fc.property(questions, (question) => {
      assert.deepEqual(decodeNodesQuestion(encodeNodesQuestion(question)), question)
    }),
    runs,
  )
})

test('errors keep their code and text, whatever was thrown; long texts are cut', () => {
  fc.assert(
    fc.property(fc.constantFrom('full', 'denied', 'corrupt'), fc.string({ unit: 'binary' }), (code, text) => {
      const back = decodeFailure(encodeFailure(new TidemarkError(code, text)), 'peer')
      assert.equal(back.code, code)
      if (text.isWellFormed()) assert.equal(back.message, `peer: ${text}`)
    }),
    runs,
  )
  fc.assert(
    fc.property(fc.anything(), (thrown) => {
      let text
      try {
        text = String(thrown)
      } catch {
        return
      }
      assert.equal(decodeFailure(encodeFailure(thrown), 'peer').message.length, `peer: ${text}`.length)
    }),
    runs,
  )
  for (const character of ['x', 'é', '\u{1f30a}', '\ud800']) {
    const { message } = decodeFailure(encodeFailure(new Error(character.repeat(100_000))), '')
    assert.ok(message.length >= 1000 && message.length < 5000)
  }
  const unknown = new Writer().prefixed(Buffer.from('later')).prefixed(Buffer.from('what?')).finish()
  assert.equal(decodeFailure(unknown, 'peer').code, 'failed')
})

const reports = fc.record({
  counts: fc.record(
    {
      files: fc.maxSafeNat(),
      bytes: fc.maxSafeNat(),
      directories: fc.nat(),
      specials: fc.nat(),
      links: fc.nat(),
      metadata: fc.nat(),
      right: fc.constant(0),
      deleted: fc.nat(),
    },
    { noNullPrototype: true },
  ),
  problems: fc.array(
    fc.record(
      {
        path: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => nameFromBytes(bytes)),
        code: fc.constantFrom('failed', 'missing', 'unreadable', 'conflict'),
        message: fc.string({ unit: 'grapheme', maxLength: 500 }),
      },
      { noNullPrototype: true },
    ),
  ),
  more: fc.nat(),
})

const aReport = {
  counts: nothingDone(),
  problems: [{ path: 'a', code: 'failed', message: 'not permitted' } as const],
  problemCount: 7,
}

test('reports come as they were sent, of many problems as many as fit', () => {
  fc.assert(
    fc.property(reports, ({ more, ...told }) => {
      const report = { ...told, problemCount: told.problems.length + more }
      assert.deepEqual(decodeReport(encodeReport(report)), report)
    }),
    runs,
  )
  const problem = { path: 'p'.repeat(60_000), code: 'failed', message: 'x'.repeat(5000) } as const
  const long = {
    counts: nothingDone(),
    problems: Array.from({ length: 1000 }, () => problem),
    problemCount: 9999,
  }
  const bytes = encodeReport(long)
  assert.ok(bytes.length <= maxMessage)
  const { problems, problemCount } = decodeReport(bytes)
  assert.ok(problems.length > 5 && problemCount === 9999)
  const later = new Writer().raw(new Uint8Array(7)).varint(1).varint(1)
  later.prefixed(Buffer.from('of-later')).prefixed(Buffer.from('a')).prefixed(Buffer.from('?'))
  assert.equal(decodeReport(later.finish()).problems[0]!.code, 'failed')
})

const chunks = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.tuple(fc.nat(100_000), fc.nat()).map(([length, seed]) => noise(length, seed)),
  fc.tuple(fc.nat(100_000), fc.nat(255)).map(([length, byte]) => new Uint8Array(length).fill(byte)),
)

function noise(length: number, seed: number): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length }, () => Math.floor(random() * 256))
}

const someFeatures = fc.subarray(['zstd', 'deflate-delta', 'zstd-delta', 'plain'])

/** What a batch of items says, given the older chunks. */
function readAll(
  messages: readonly Uint8Array[],
  olds: readonly (Uint8Array | undefined)[],
): (Uint8Array | undefined)[] {
  return messages
    .flatMap((message) => decodeBatch(message))
    .map((item, at) => {
      if (item === undefined) return undefined
      if (item.kind === 'bytes') return new Uint8Array(item.bytes)
      assert.ok(item.kind !== 'block')
      return new Uint8Array(applyDelta(item, olds[at]!, item.length))
    })
}

test('batches give back their chunks, whatever the other side can read', () => {
  const items = fc.array(
    fc.record({ bytes: fc.option(chunks, { nil: undefined }), edit: fc.nat(99), old: fc.boolean() }),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(items, someFeatures, (items, features) => {
      const theirs = new Set(features)
      const writer = new BatchWriter(theirs)
      const olds = items.map(({ bytes, edit, old }) =>
        old && bytes !== undefined ? bytes.slice(edit) : undefined,
      )
      const messages: Uint8Array[] = []
      for (const [at, { bytes }] of items.entries()) {
        writer.add(bytes, olds[at])
        messages.push(...writer.full())
      }
      messages.push(...writer.flush())
      assert.deepEqual(
        readAll(messages, olds),
        items.map(({ bytes }) => bytes),
      )
      for (const message of messages)
        assert.ok(message.length <= 262_144, `${message.length} bytes in a message`)
    }),
    runs,
  )
})

test('blocks come as they were, between the chunks before and after them', () => {
  const block = fc
    .record({ bytes: fc.uint8Array({ minLength: 4, maxLength: 400 }), id: ids, cuts: fc.array(fc.nat(400)) })
    .map(({ bytes, id, cuts }): FilledBlock => {
      const chunks = [0, ...cuts].map((cut) => {
        const offset = Math.min(cut, bytes.length)
        return { id, offset, length: bytes.length - offset }
      })
      return {
        block: { flags: 0, plainLength: bytes.length, payload: bytes },
        chunks,
      }
    })
  fc.assert(
    fc.property(fc.array(fc.oneof(block, chunks), { maxLength: 8 }), (items) => {
      const writer = new BatchWriter(new Set(['zstd']))
      for (const item of items) {
        if ('block' in item) writer.addBlock(item)
        else writer.add(item)
      }
      const read = writer.flush().flatMap((message) => decodeBatch(message))
      const came = read.map((item) => {
        assert.ok(item !== undefined && (item.kind === 'block' || item.kind === 'bytes'))
        if (item.kind === 'bytes') return new Uint8Array(item.bytes)
        const { block, chunks } = item.filled
        return { block: { ...block, payload: new Uint8Array(block.payload) }, chunks }
      })
      assert.deepEqual(came, items)
    }),
    runs,
  )
})

test('a difference gives back the chunk, is shorter, and never reads beyond its length', () => {
  fc.assert(
    fc.property(
      chunks,
      fc.nat(200),
      fc.constantFrom('deflate-delta', 'zstd-delta'),
      (bytes, edit, feature) => {
        const old = bytes.slice(edit)
        const delta = makeDelta(bytes, old, new Set([feature]))
        if (delta === undefined) return
        assert.ok(delta.bytes.length < bytes.length)
        assert.ok(Buffer.compare(applyDelta(delta, old, bytes.length), bytes) === 0)
        assert.throws(() => applyDelta(delta, old, bytes.length - 1), { code: 'corrupt' })
      },
    ),
    runs,
  )
})

test('mutated messages are refused with a typed error, or mean something else', () => {
  const random = seededRandom(7)
  const writer = new BatchWriter(new Set(ownFeatures(false)))
  writer.add(new Uint8Array(5000).fill(7))
  writer.add(undefined)
  writer.add(noise(300, 1), noise(300, 1))
  const payload = new Uint8Array(noise(300, 1))
  const chunk = { id: idOf(payload), offset: 100, length: 200 }
  writer.addBlock({ block: { flags: 0, plainLength: 300, payload }, chunks: [chunk, chunk] })
  const [head] = fc.sample(heads, { numRuns: 1, seed: 1 })
  const [hello] = fc.sample(hellos, { numRuns: 1, seed: 2 })
  const [id] = fc.sample(ids, { numRuns: 1, seed: 3 })
  const about = { program: 'x', device: '00'.repeat(16), host: 'h', folder: '11'.repeat(16) }
  const decoders: [Uint8Array, (bytes: Uint8Array) => unknown][] = [
    [encodeHello(hello!), decodeHello],
    [encodeWelcome({ ...about, features: ['zstd'], access: 'read' }), decodeWelcome],
    [encodeHeadAnswer(head!, { after: undefined, holds: false, waitMs: 0 }), decodeHeadAnswer],
    [encodeHeadRequest({ after: id, holds: true, waitMs: 60_000 }), decodeHeadRequest],
    [encodeWants([{ id: id!, like: id }, { id: id! }], true), decodeWants],
    [encodeFetch({ blocks: 'kept' }), decodeFetch],
    [encodeReport(aReport), decodeReport],
    [encodeCall('head', new Uint8Array(40)), decodeCall],
    [encodeNodesRequest({ root: { depth: 1, id: id! }, salt: new Uint8Array(16) }), decodeNodesRequest],
    [encodeNodesQuestion({ kind: 'cells', from: 256, to: 1024 }), decodeNodesQuestion],
    [encodeIdList([id!, id!]), (bytes) => decodeIdList(bytes, 2)],
    [encodeFailure(new TidemarkError('full', 'no room')), (bytes) => decodeFailure(bytes, 'peer')],
    ...writer.flush().map((message): [Uint8Array, (bytes: Uint8Array) => unknown] => [message, decodeBatch]),
  ]
  let refused = 0
  for (let times = 0; times < 3000 * fuzz; times++) {
    const [bytes, decode] = decoders[times % decoders.length]!
    const mutated = mutate(bytes, random)
    try {
      decode(mutated)
    } catch (error) {
      assert.ok(isTidemarkError(error, 'corrupt', 'unsupported'), String(error))
      refused++
    }
  }
  assert.ok(refused > 500)
})
