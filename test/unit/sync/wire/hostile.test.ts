import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import type { ErrorCode } from '../../../../src/errors.ts'
import { encodeCall } from '../../../../src/sync/wire/call.ts'
import { Connection } from '../../../../src/sync/wire/connection.ts'
import { FrameReader, frameTypes, putHeader, type Frame } from '../../../../src/sync/wire/frame.ts'
import { encodePreamble, preambleLength } from '../../../../src/sync/wire/preamble.ts'
import { streamPair } from '../../../../src/sync/wire/transport/pair.ts'

const { open, data, credit, reset, ping, pong, goodbye, end } = frameTypes
const preamble = encodePreamble({ window: 65_536, channels: 4 })
const call = encodeCall('hold', new Uint8Array(0))

function frame(type: number, channel: number, payload: Uint8Array = new Uint8Array(0), flags = 0): Buffer {
  const bytes = Buffer.alloc(12 + payload.length)
  putHeader(bytes, 0, { type, channel, payload, flags } as Frame)
  bytes.set(payload, 12)
  return bytes
}

/** A listener that answers `hold` by keeping what is sent without reading it, and a raw stream to it. */
function target(t: TestContext): { connection: Connection; raw: Duplex; got: Buffer[] } {
  const [raw, stream] = streamPair()
  const connection = new Connection(stream, { name: 'attacker', isDialler: false })
  connection.serve(({ channel }) => {
    return new Promise((resolve) => channel.signal.addEventListener('abort', () => resolve()))
  })
  const got: Buffer[] = []
  raw.on('data', (chunk: Buffer) => got.push(chunk))
  raw.on('error', () => {})
  t.after(() => {
    raw.destroy()
    return connection.close()
  })
  return { connection, raw, got }
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const opened = [preamble, frame(open, 1, call)]

const attacks: Readonly<Record<string, [ErrorCode, Buffer[]]>> = {
  'another protocol': ['corrupt', [Buffer.from('GET / HTTP/1.1\r\n')]],
  'one wrong byte': ['corrupt', [Buffer.from([0x88])]],
  'a later version': [
    'unsupported',
    [Buffer.concat([preamble.subarray(0, 8), Buffer.from([2]), preamble.subarray(9)])],
  ],
  'a window of nothing': ['corrupt', [encodePreamble({ window: 0, channels: 4 })]],
  'an unknown type of frame': ['corrupt', [preamble, frame(9, 1)]],
  'an unknown flag': ['corrupt', [preamble, frame(open, 1, call, 4)]],
  'reserved bytes': [
    'corrupt',
    [preamble, Buffer.concat([frame(open, 1).subarray(0, 10), Buffer.from([1, 0])])],
  ],
  'a frame that is too large': ['corrupt', [preamble, frame(open, 1, new Uint8Array(262_145))]],
  'a channel of the other side’s numbers': ['corrupt', [preamble, frame(open, 2, call)]],
  'a channel opened twice': ['corrupt', [...opened, frame(open, 1, call)]],
  'a channel opened out of order': ['corrupt', [preamble, frame(open, 3, call), frame(open, 1, call)]],
  'the channel 0': ['corrupt', [preamble, frame(open, 0, call)]],
  'a ping on a channel': ['corrupt', [preamble, frame(ping, 1, new Uint8Array(8))]],
  'a ping of another size': ['corrupt', [preamble, frame(ping, 0, new Uint8Array(9))]],
  'a channel without a method': ['corrupt', [preamble, frame(open, 1)]],
  'data on a channel that is not open': ['corrupt', [preamble, frame(data, 1)]],
  'data after the end': ['corrupt', [...opened, frame(end, 1), frame(data, 1)]],
  'a second end': ['corrupt', [...opened, frame(end, 1), frame(end, 1)]],
  'an end within a message': ['corrupt', [...opened, frame(data, 1, u32(1), 2), frame(end, 1)]],
  'empty pieces of a message': ['corrupt', [...opened, frame(data, 1, undefined, 2)]],
  'more data than the credit': [
    'limit',
    [...opened, ...Array.from({ length: 5 }, () => frame(data, 1, new Uint8Array(65_536)))],
  ],
  'very many empty messages': ['limit', [...opened, ...Array.from({ length: 4097 }, () => frame(data, 1))]],
  'a message without end': [
    'limit',
    [...opened, ...Array.from({ length: 20 }, () => frame(data, 1, new Uint8Array(65_536), 2))],
  ],
  'too many channels': [
    'limit',
    [preamble, ...Array.from({ length: 65 }, (_, number) => frame(open, 2 * number + 1, call))],
  ],
  'credit beyond measure': ['corrupt', [...opened, frame(credit, 1, u32(0x7fff_ffff))]],
  'a credit of another size': ['corrupt', [...opened, frame(credit, 1, new Uint8Array(5))]],
  'a reset that says nothing': ['corrupt', [...opened, frame(reset, 1)]],
  'a goodbye that is garbled': ['corrupt', [...opened, frame(goodbye, 0, Buffer.from([200]))]],
}

for (const [what, [code, bytes]] of Object.entries(attacks)) {
  test(`${what}: ${code}, and it is said so`, async (t) => {
    const { connection, raw, got } = target(t)
    for (const part of bytes) raw.write(part)
    raw.once('end', () => raw.end())
    const error = await connection.closed
    assert.equal(error?.code, code, String(error))
    const frames = [...new FrameReader().read(Buffer.concat(got).subarray(preambleLength))]
    const last = frames.at(-1)
    assert.equal(last?.type, goodbye)
    assert.match(Buffer.from(last.payload).toString(), new RegExp(code))
  })
}

test('pings that are not waited for are answered by few pongs', async (t) => {
  const { connection, raw, got } = target(t)
  const flood = Buffer.concat(Array.from({ length: 5000 }, () => frame(ping, 0, new Uint8Array(8))))
  raw.write(Buffer.concat([preamble, flood]))
  while (connection.received < flood.length || got.length < 2) await sleep(5)
  assert.equal(connection.signal.aborted, false)
  const frames = [...new FrameReader().read(Buffer.concat(got).subarray(preambleLength))]
  assert.ok(frames.length > 0 && frames.length < 100, `${frames.length} frames`)
  assert.ok(frames.every(({ type }) => type === pong))
})

test('channels that are opened and reset at once hold no more places than there are', async (t) => {
  const { connection, raw } = target(t)
  let running = 0
  let most = 0
  connection.serve(async () => {
    most = Math.max(most, ++running)
    await connection.closed
    running--
  })
  raw.write(preamble)
  const why = Buffer.concat([Buffer.from([6]), Buffer.from('failed'), Buffer.from([0])])
  for (let number = 0; number < 200; number++) {
    raw.write(frame(open, 2 * number + 1, call))
    raw.write(frame(reset, 2 * number + 1, why))
  }
  assert.equal((await connection.closed)?.code, 'limit')
  assert.ok(most <= 64, `${most} at once`)
})

test('somebody who asks and does not read makes nothing grow', async (t) => {
  const [raw, stream] = streamPair()
  const connection = new Connection(stream, { name: 'attacker', isDialler: false })
  t.after(() => {
    raw.destroy()
    return connection.close()
  })
  connection.serve(async ({ channel }) => {
    await channel.send(new Uint8Array(1000))
    channel.end()
  })
  raw.on('error', () => {})
  raw.write(preamble)
  for (let number = 0; number < 3000; number++) raw.write(frame(open, 2 * number + 1, call, 1))
  // Answers that cannot be written keep their channels open, and then there are too many.
  assert.equal((await connection.closed)?.code, 'limit')
})
