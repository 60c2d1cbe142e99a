import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Duplex } from 'node:stream'
import { before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { isTidemarkError } from '../../../../src/errors.ts'
import type { Id } from '../../../../src/object/id.ts'
import { Connection } from '../../../../src/sync/wire/connection.ts'
import { connectPeer } from '../../../../src/sync/wire/connect-peer.ts'
import { FrameReader, frameTypes, putHeader, type Frame } from '../../../../src/sync/wire/frame.ts'
import type { RemotePeer } from '../../../../src/sync/wire/remote-peer.ts'
import { servePeer } from '../../../../src/sync/wire/serve-peer.ts'
import { streamPair } from '../../../../src/sync/wire/transport/pair.ts'
import { fuzz } from '../../../suites/arbitraries.ts'
import { pattern } from '../../../suites/bucket-suite.ts'
import { headOf, MemoryPeer } from '../../../suites/memory-peer.ts'
import { mutate } from '../../../suites/mutations.ts'
import { seededRandom } from '../../../suites/random.ts'
import { serviceOf, whoAmI } from '../../../suites/wire.ts'

const frames: fc.Arbitrary<Frame> = fc
  .tuple(
    fc.constantFrom(...Object.values(frameTypes)),
    fc.nat(3),
    fc.uint8Array({ maxLength: 200 }),
    fc.nat(),
  )
  .map(([type, flags, payload, number]) => {
    const isOfAll = type === frameTypes.ping || type === frameTypes.pong || type === frameTypes.goodbye
    const allowed = type === frameTypes.data ? flags % 3 : type === frameTypes.open ? flags % 2 : 0
    return { type, flags: allowed, channel: isOfAll ? 0 : number + 1, payload }
  })

function encode(frame: Frame): Uint8Array {
  const bytes = Buffer.alloc(12 + frame.payload.length)
  putHeader(bytes, 0, frame)
  bytes.set(frame.payload, 12)
  return bytes
}

function* chopped(bytes: Uint8Array, random: () => number, most: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const length = 1 + Math.floor(random() * most)
    yield bytes.subarray(at, at + length)
    at += length
  }
}

test('frames come out as they went in, however the stream is chopped', () => {
  fc.assert(
    fc.property(
      fc.array(frames, { maxLength: 20 }),
      fc.nat(),
      fc.constantFrom(1, 3, 40, 5000),
      (frames, seed, most) => {
        const bytes = Buffer.concat(frames.map(encode))
        const reader = new FrameReader()
        const read: Frame[] = []
        for (const piece of chopped(bytes, seededRandom(seed), most)) {
          for (const frame of reader.read(piece))
            read.push({ ...frame, payload: new Uint8Array(frame.payload) })
        }
        assert.deepEqual(read, frames)
        assert.ok(reader.isBetween)
      },
    ),
    { numRuns: 100 * fuzz },
  )
})

/** A part of what one side wrote, and how much it had read by then. */
interface Step {
  readonly bytes: Buffer
  readonly after: number
}

/** What each side of a session wrote: hello, heads, bases, chunks of many kinds, an offer, goodbye. */
const recorded: { readonly dialler: Step[]; readonly listener: Step[] } = { dialler: [], listener: [] }

function all(steps: readonly Step[]): Buffer {
  return Buffer.concat(steps.map(({ bytes }) => bytes))
}

function lengthOf(steps: readonly Step[]): number {
  return steps.reduce((sum, { bytes }) => sum + bytes.length, 0)
}

/** The same steps with other bytes. */
function withBytes(steps: readonly Step[], bytes: Buffer): Step[] {
  let at = 0
  return steps.map((step, number) => {
    const end = number === steps.length - 1 ? bytes.length : at + step.bytes.length
    const part = bytes.subarray(at, end)
    at = end
    return { bytes: part, after: step.after }
  })
}

const served = new MemoryPeer(headOf(1))

async function* wantsOf(ids: readonly Id[]): AsyncGenerator<{ id: Id; like: Id }[]> {
  for (const id of ids) yield [{ id, like: ids[0]! }]
}

async function session(peer: RemotePeer, ids: readonly Id[]): Promise<void> {
  const { id } = await peer.head()
  await peer.head({ after: id, waitMs: 1 })
  await peer.bases(headOf(1), headOf(2))
  await Array.fromAsync(peer.fetch(wantsOf(ids)))
  await peer.offer(headOf(1))
}

const ids: Id[] = []

before(async () => {
  for (const bytes of [pattern(3000), new Uint8Array(randomBytes(2000)), pattern(70_000), pattern(300_000)]) {
    ids.push(await served.put(bytes))
  }
  const [near, far] = streamPair()
  const { dialler: said, listener: answered } = recorded
  near.on('data', (bytes: Buffer) => answered.push({ bytes, after: lengthOf(said) }))
  far.on('data', (bytes: Buffer) => said.push({ bytes, after: lengthOf(answered) }))
  const dialler = new Connection(near, { name: 'listener', isDialler: true })
  void servePeer(new Connection(far, { name: 'dialler', isDialler: false }), serviceOf(served))
  const { peer } = await connectPeer(dialler, { ...whoAmI, store: served.store })
  await session(peer, ids)
  await dialler.close()
})

/** A stream that says what it was told to, each part when it has got what it is an answer to, or got nothing for a while. */
class Tape extends Duplex {
  readonly #pieces: Iterator<Step>
  written = 0

  constructor(steps: readonly Step[], random: () => number, most: number) {
    super()
    this.#pieces = steps
      .values()
      .flatMap(({ bytes, after }) =>
        chopped(bytes, random, most).map((piece) => ({ bytes: Buffer.from(piece), after })),
      )
  }

  override _read(): void {
    const { value, done } = this.#pieces.next()
    if (done === true) this.push(null)
    else void this.#say(value)
  }

  async #say({ bytes, after }: Step): Promise<void> {
    for (let tries = 0; tries < 20 && this.written < after; tries++) {
      const { written } = this
      await setImmediate()
      if (this.written > written) tries = 0
    }
    this.push(bytes)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written += chunk.length
    done()
  }
}

test('a session that is chopped into any pieces is the same session', async () => {
  for (const most of [7, 100, 5000, 1_000_000]) {
    served.asked.length = 0
    const tape = new Tape(recorded.dialler, seededRandom(most), most)
    const connection = new Connection(tape, { name: 'tape', isDialler: false })
    assert.equal(await servePeer(connection, serviceOf(served)), undefined)
    assert.equal(connection.received, lengthOf(recorded.dialler))
    // Each chunk, and the older one before it.
    assert.equal(served.asked.length, 2 * ids.length - 1)
  }
})

/** What is told after some accident or malice. */
function spoiled(steps: readonly Step[], random: () => number, isCut: boolean): Step[] {
  const bytes = all(steps)
  return withBytes(
    steps,
    Buffer.from(isCut ? bytes.subarray(0, random() * bytes.length) : mutate(bytes, random)),
  )
}

test('whatever is done to what a dialler says, the listener ends, with a typed error or none', async () => {
  const random = seededRandom(11)
  const asked = new Set<string | undefined>()
  for (let times = 0; times < 150 * fuzz; times++) {
    const tape = new Tape(spoiled(recorded.dialler, random, times % 3 === 0), random, 3000)
    const error = await servePeer(new Connection(tape, { name: 'tape', isDialler: false }), serviceOf(served))
    assert.ok(error === undefined || isTidemarkError(error), String(error))
    asked.add(error?.message)
    // Two times all chunks, not compressed.
    assert.ok(tape.written < 1_000_000, `${tape.written} bytes`)
  }
  assert.ok(asked.size > 20, [...asked].join('\n'))
})

test('whatever is done to what a listener says, each call of the dialler ends, with a typed error or what it asked for', async () => {
  const random = seededRandom(12)
  const failures = new Set<string>()
  for (let times = 0; times < 150 * fuzz; times++) {
    const tape = new Tape(spoiled(recorded.listener, random, times % 3 === 0), random, 3000)
    const connection = new Connection(tape, { name: 'tape', isDialler: true })
    try {
      const { peer } = await connectPeer(connection, { ...whoAmI, store: served.store })
      await session(peer, ids)
    } catch (error) {
      assert.ok(isTidemarkError(error), String(error))
      failures.add(error.message)
    }
    await connection.close()
  }
  assert.ok(failures.size > 20, [...failures].join('\n'))
})

test('what was recorded, played back unspoiled, is what was asked for', async () => {
  const tape = new Tape(recorded.listener, seededRandom(1), 1000)
  const connection = new Connection(tape, { name: 'tape', isDialler: true })
  const { peer } = await connectPeer(connection, { ...whoAmI, store: served.store })
  await session(peer, ids)
  await connection.close()
})
