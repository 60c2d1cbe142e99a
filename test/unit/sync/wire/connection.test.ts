import assert from 'node:assert/strict'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import type { Duplex } from 'node:stream'
import { TidemarkError } from '../../../../src/errors.ts'
import type { Channel } from '../../../../src/sync/wire/channel.ts'
import { Connection } from '../../../../src/sync/wire/connection.ts'
import { encodePreamble } from '../../../../src/sync/wire/preamble.ts'
import { streamPair } from '../../../../src/sync/wire/transport/pair.ts'
import type { Answer } from '../../../../src/sync/wire/call.ts'
import { pattern, rejects } from '../../../suites/bucket-suite.ts'
import { ManualTime } from '../../../suites/manual-time.ts'
import { connectionPair } from '../../../suites/wire.ts'

const nothing = new Uint8Array(0)

const echo: Answer = async ({ parameters, channel }) => {
  await channel.send(parameters)
  for await (const message of channel) await channel.send(message)
}

async function texts(channel: Channel): Promise<string[]> {
  return (await Array.fromAsync(channel)).map((bytes) => Buffer.from(bytes).toString())
}

test('messages keep their order and bounds, both ways, empty ones too', async (t) => {
  const [near, far] = connectionPair(t)
  for (const [caller, answering] of [
    [near, far],
    [far, near],
  ] as const) {
    answering.serve(echo)
    const channel = await caller.call('echo', Buffer.from('first'))
    for (const text of ['a', '', 'bc']) await channel.send(Buffer.from(text))
    channel.end()
    assert.deepEqual(await texts(channel), ['first', 'a', '', 'bc'])
  }
})

test('a message of any size comes whole, also one beyond the window', async (t) => {
  const [near, far] = connectionPair(t)
  far.serve(echo)
  for (const size of [1, 4096, 262_144, 262_145, 1_000_000]) {
    const channel = await near.call('echo', nothing)
    await channel.receive()
    await channel.send(pattern(size))
    assert.ok(Buffer.compare((await channel.receive())!, pattern(size)) === 0)
    channel.end()
    assert.equal(await channel.receive(), undefined)
  }
})

test('a message that is too large ends the connection', async (t) => {
  const [near, far] = connectionPair(t)
  far.serve(echo)
  const channel = await near.call('echo', nothing)
  await rejects(
    (async () => {
      await channel.send(new Uint8Array(1024 * 1024 + 1))
      await Array.fromAsync(channel)
    })(),
    'limit',
  )
  assert.equal((await far.closed)?.code, 'limit')
})

test('ten thousand small calls at once, and what is said of one is not heard on another', async (t) => {
  const [near, far] = connectionPair(t)
  let atOnce = 0
  let most = 0
  far.serve(async (call) => {
    most = Math.max(most, ++atOnce)
    await echo(call)
    atOnce--
  })
  const one = async (number: number): Promise<boolean> => {
    const channel = await near.call('echo', Buffer.from(`${number}`))
    channel.end()
    return (await texts(channel)).join() === `${number}`
  }
  const all = await Promise.all(Array.from({ length: 10_000 }, (_, number) => one(number)))
  assert.ok(all.every(Boolean))
  assert.equal(most, 64)
  // Many small frames in few writes: frames, not writes, are what the count of bytes shows.
  assert.ok(near.sent < 10_000 * 60, `${near.sent} bytes`)
})

test('whoever reads slowly holds up whoever sends', async (t) => {
  const [near, far] = connectionPair(t)
  let sent = 0
  far.serve(async ({ channel }) => {
    for (; sent < 1000; sent++) await channel.send(new Uint8Array(65_536))
  })
  const channel = await near.call('flood', nothing)
  channel.end()
  for (let same = 0, last = -1; same < 100; await setImmediate()) {
    same = last === near.received ? same + 1 : 0
    last = near.received
  }
  const [before, received] = [sent, near.received]
  assert.ok(before < 20, `${before} messages sent to nobody`)
  await sleep(50)
  assert.deepEqual([sent, near.received], [before, received])
  // Another call goes on meanwhile.
  far.serve(echo)
  const other = await near.call('echo', Buffer.from('still here'))
  other.end()
  assert.deepEqual(await texts(other), ['still here'])
  let count = 0
  for await (const _ of channel) count++
  assert.equal(count, 1000)
})

test('an aborted signal resets the call on both sides, and its place is free again', async (t) => {
  const [near, far] = connectionPair(t)
  let stopped = 0
  let begun = Promise.withResolvers<void>()
  far.serve(async ({ channel }) => {
    begun.resolve()
    await new Promise<void>((resolve) => channel.signal.addEventListener('abort', () => resolve()))
    assert.equal(channel.error?.code, 'cancelled')
    stopped++
  })
  for (let times = 0; times < 200; times++) {
    begun = Promise.withResolvers()
    const stop = new AbortController()
    const channel = await near.call('wait', nothing, { signal: stop.signal })
    const answer = rejects(channel.receive(), 'cancelled')
    if (times % 2 === 0) await begun.promise
    stop.abort()
    await answer
  }
  await rejects(near.call('wait', nothing, { signal: AbortSignal.abort() }), 'cancelled')
  far.serve(echo)
  const channel = await near.call('echo', nothing)
  channel.end()
  assert.equal((await Array.fromAsync(channel)).length, 1)
  assert.ok(stopped >= 90, `${stopped} stopped`)
})

test('a call whose signal is aborted while it waits for a place is cancelled', async (t) => {
  const [near, far] = connectionPair(t)
  far.serve(async ({ channel }) => {
    await channel.receive()
  })
  const held = await Promise.all(Array.from({ length: 64 }, () => near.call('hold', nothing)))
  const stop = new AbortController()
  const late = rejects(near.call('late', nothing, { signal: stop.signal }), 'cancelled')
  await sleep(5)
  stop.abort()
  await late
  const next = near.call('next', nothing)
  held[0]!.end()
  ;(await next).end()
})

test('an answer that fails resets the call with its error', async (t) => {
  const [near, far] = connectionPair(t)
  far.serve(async () => {
    throw new TidemarkError('full', 'the disk is full')
  })
  const channel = await near.call('store', nothing)
  await assert.rejects(channel.receive(), { code: 'full', message: 'listener: the disk is full' })
  await rejects(channel.send(nothing), 'full')
})

test('an answer that waits for credit, and is not wanted, gives its place back', async (t) => {
  const [near, far] = connectionPair(t)
  far.serve(async ({ channel }) => {
    // Not waited for: the answer is done, though not sent.
    for (let count = 0; count < 4; count++) void channel.send(new Uint8Array(200_000)).catch(() => {})
  })
  for (let times = 0; times < 200; times++) {
    const channel = await near.call('much', nothing)
    channel.end()
    await channel.receive()
    if (times % 2 === 0) await sleep(0)
    channel.reset(new TidemarkError('cancelled', 'enough'))
  }
  far.serve(echo)
  const channel = await near.call('echo', nothing)
  channel.end()
  assert.equal((await Array.fromAsync(channel)).length, 1)
})

test('what is being answered has ended when the connection is settled', async (t) => {
  const [near, far] = connectionPair(t)
  let isWorking = true
  const begun = Promise.withResolvers<void>()
  far.serve(async ({ channel }) => {
    begun.resolve()
    await new Promise((resolve) => channel.signal.addEventListener('abort', resolve))
    await sleep(30)
    isWorking = false
  })
  await near.call('work', nothing)
  await begun.promise
  await near.close()
  await far.closed
  await far.settled()
  assert.equal(isWorking, false)
})

test('calls that nobody answers are unsupported', async (t) => {
  const [near] = connectionPair(t)
  const channel = await near.call('anything', nothing)
  await rejects(channel.receive(), 'unsupported')
})

test('what has been answered still arrives when the connection is closed right after', async (t) => {
  const [near, far] = connectionPair(t)
  far.serve(async ({ channel }) => {
    for (let count = 0; count < 3; count++) await channel.send(pattern(10_000))
    channel.end()
    await far.close()
  })
  const channel = await near.call('last', nothing)
  assert.equal((await Array.fromAsync(channel)).length, 3)
  assert.equal(await near.closed, undefined)
})

test('a silent other side is asked, and given up after a time', async (t) => {
  const time = new ManualTime()
  const [near, far] = connectionPair(t, { time }, {})
  far.serve(echo)
  await (await near.call('echo', nothing)).receive()
  await time.pass(15_000)
  await sleep(5)
  assert.equal(near.signal.aborted, false)
  // It has answered the ping: a minute of such silence does no harm.
  for (let minute = 0; minute < 4; minute++) {
    await time.pass(15_000)
    await sleep(5)
  }
  assert.equal(near.signal.aborted, false)
})

/** A connection to somebody who greets and then says nothing. */
async function talkingTo(t: TestContext, time: ManualTime): Promise<{ near: Connection; silent: Duplex }> {
  const [near, silent] = streamPair()
  t.after(() => silent.destroy())
  silent.write(encodePreamble({ window: 65_536, channels: 4 }))
  return { near: new Connection(near, { name: 'silent', isDialler: true, time }), silent }
}

test('a side that does not answer pings is given up', async (t) => {
  const time = new ManualTime()
  const { near, silent } = await talkingTo(t, time)
  const channel = await near.call('anything', nothing)
  const refused = rejects(channel.receive(), 'timeout')
  for (let turn = 0; turn < 10; turn++) await time.pass(5000)
  await refused
  await time.pass(5000)
  assert.equal((await near.closed)?.code, 'timeout')
  assert.ok(silent.destroyed || silent.readableLength > 0)
})

test('a side that never greets is given up', async () => {
  const time = new ManualTime()
  const [near, far] = streamPair()
  const connection = new Connection(near, { name: 'mute', isDialler: true, time })
  const refused = rejects(
    connection.call('x', nothing).then((channel) => channel.receive()),
    'timeout',
  )
  for (let turn = 0; turn < 8; turn++) await time.pass(2500)
  await refused
  far.destroy()
  await time.pass(5000)
  await connection.closed
})
