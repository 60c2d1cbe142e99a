import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newIdentity, type Identity } from '../../../../src/sync/wire/certificate.ts'
import type { Connection } from '../../../../src/sync/wire/connection.ts'
import { pair, type Paired } from '../../../../src/sync/wire/pairing.ts'
import { connectionOver } from '../../../../src/sync/wire/transport/link.ts'
import { connectTls, listenTls } from '../../../../src/sync/wire/transport/tls.ts'
import { rejects } from '../../../suites/bucket-suite.ts'
import { connectionPair } from '../../../suites/wire.ts'

interface Side {
  readonly done: Promise<Paired>
  readonly code: Promise<string>
}

/** One side, whose person answers once `answer` has been resolved with the code of the other side in hand. */
function side(
  connection: Connection,
  own: Identity,
  other: Identity,
  isDialler: boolean,
  answer: (code: string) => Promise<boolean>,
  signal?: AbortSignal,
): Side {
  const { promise: code, resolve } = Promise.withResolvers<string>()
  const confirm = (shown: string): Promise<boolean> => {
    resolve(shown)
    return answer(shown)
  }
  const host = isDialler ? 'dialler' : 'listener'
  const fingerprints = { own: own.fingerprint, other: other.fingerprint }
  const done = pair(connection, { ...fingerprints, isDialler, host, confirm, signal })
  done.catch(() => {})
  return { done, code }
}

const agrees = async (): Promise<boolean> => true
const refuses = async (): Promise<boolean> => false
const never = (): Promise<boolean> => new Promise(() => {})

test('two sides with nobody in between show the same six digits, and know each other then', async (t) => {
  const [near, far] = connectionPair(t)
  const [a, b] = [newIdentity(), newIdentity()]
  const listener = side(far, b, a, false, agrees)
  const dialler = side(near, a, b, true, agrees)
  assert.match(await dialler.code, /^\d{6}$/)
  assert.equal(await dialler.code, await listener.code)
  assert.deepEqual(await dialler.done, { fingerprint: b.fingerprint, host: 'listener' })
  assert.deepEqual(await listener.done, { fingerprint: a.fingerprint, host: 'dialler' })
})

test('codes are new each time', async (t) => {
  const [a, b] = [newIdentity(), newIdentity()]
  const codes = new Set<string>()
  for (let times = 0; times < 20; times++) {
    const [near, far] = connectionPair(t)
    const listener = side(far, b, a, false, agrees)
    codes.add(await side(near, a, b, true, agrees).code)
    await listener.done
  }
  assert.ok(codes.size > 17)
})

for (const [who, dials, listens] of [
  ['dialler', refuses, agrees],
  ['listener', agrees, refuses],
] as const) {
  test(`when the person at the ${who} says no, neither side knows the other`, async (t) => {
    const [near, far] = connectionPair(t)
    const [a, b] = [newIdentity(), newIdentity()]
    const listener = side(far, b, a, false, listens)
    const dialler = side(near, a, b, true, dials)
    await rejects(dialler.done, 'denied')
    await rejects(listener.done, 'denied')
  })
}

test('a no at one side ends the question at the other', async (t) => {
  const [near, far] = connectionPair(t)
  const [a, b] = [newIdentity(), newIdentity()]
  const listener = side(far, b, a, false, never)
  const dialler = side(near, a, b, true, refuses)
  await rejects(listener.done, 'denied')
  await near.close()
  await rejects(dialler.done, 'denied', 'unavailable')
})

test('a side that goes away without an answer has not confirmed', async (t) => {
  const [near, far] = connectionPair(t)
  const [a, b] = [newIdentity(), newIdentity()]
  const listener = side(far, b, a, false, never)
  const dialler = side(near, a, b, true, agrees)
  await listener.code
  await far.close()
  await assert.rejects(dialler.done, { code: 'unavailable', message: /the other side did not confirm/ })
})

test('somebody in between who pairs with both makes them show different codes', async (t) => {
  const [a, b, m] = [newIdentity(), newIdentity(), newIdentity()]
  const [near, toMiddle] = connectionPair(t)
  const [fromMiddle, far] = connectionPair(t)
  const listener = side(far, b, m, false, agrees)
  const dialler = side(near, a, m, true, agrees)
  side(toMiddle, m, a, false, agrees)
  side(fromMiddle, m, b, true, agrees)
  assert.notEqual(await dialler.code, await listener.code)
})

test('somebody in between who passes messages on is found out by the certificates', async (t) => {
  const [a, b, m] = [newIdentity(), newIdentity(), newIdentity()]
  const onLink = Promise.withResolvers<Connection>()
  const listening = await listenTls({
    host: '127.0.0.1',
    port: 0,
    identity: b,
    isKnown: () => true,
    onLink: (link) => onLink.resolve(connectionOver(link)),
  })
  // What the one in between gets it passes on, and back.
  const relay = await listenTls({
    host: '127.0.0.1',
    port: 0,
    identity: m,
    isKnown: () => true,
    onLink: ({ stream }) => {
      const to = { host: '127.0.0.1', port: listening.port, identity: m, fingerprint: b.fingerprint }
      void connectTls(to).then((further) => {
        stream.pipe(further.stream).pipe(stream)
        further.stream.on('error', () => stream.destroy())
        return undefined
      })
    },
  })
  t.after(() => {
    listening.close()
    relay.close()
  })
  const link = await connectTls({ host: '127.0.0.1', port: relay.port, identity: a, fingerprint: undefined })
  assert.equal(link.fingerprint, m.fingerprint)
  const near = connectionOver(link)
  const dialler = side(near, a, m, true, agrees)
  const far = await onLink.promise
  t.after(() => Promise.all([near.close(), far.close()]))
  const listener = side(far, b, m, false, agrees)
  await rejects(listener.done, 'denied')
  await rejects(dialler.done, 'denied', 'unavailable')
})

test('pairing ends with its signal, and with the connection', async (t) => {
  const [a, b] = [newIdentity(), newIdentity()]
  for (const way of ['signal', 'connection'] as const) {
    const [near, far] = connectionPair(t)
    const stop = new AbortController()
    const listener = side(far, b, a, false, never, stop.signal)
    const dialler = side(near, a, b, true, never)
    await dialler.code
    if (way === 'signal') stop.abort()
    else await far.close()
    await rejects(listener.done, way === 'signal' ? 'cancelled' : 'unavailable')
    await far.close()
    await rejects(dialler.done, 'unavailable')
  }
})

test('while pairing is awaited nothing else is answered', async (t) => {
  const [near, far] = connectionPair(t)
  const [a, b] = [newIdentity(), newIdentity()]
  side(far, b, a, false, agrees)
  const channel = await near.call('hello', new Uint8Array(0))
  await rejects(channel.receive(), 'denied')
})

test('a side that closes as soon as it knows the other leaves that one knowing it too', async () => {
  const [a, b] = [newIdentity(), newIdentity()]
  for (let times = 0; times < 10; times++) {
    for (const first of ['dialler', 'listener']) {
      const closing = Promise.withResolvers<void>()
      const listening = await listenTls({
        host: '127.0.0.1',
        port: 0,
        identity: b,
        isKnown: () => true,
        onLink: (link) => {
          const connection = connectionOver(link)
          const done = side(connection, b, a, false, agrees).done
          const closed = first === 'listener' ? done.then(() => connection.close()) : done
          closed.then(() => closing.resolve(), closing.reject)
        },
      })
      try {
        const link = await connectTls({
          host: '127.0.0.1',
          port: listening.port,
          identity: a,
          fingerprint: undefined,
        })
        const connection = connectionOver(link)
        const paired = await side(connection, a, b, true, agrees).done
        if (first === 'dialler') await connection.close()
        assert.equal(paired.fingerprint, b.fingerprint)
        await closing.promise
        await connection.close()
      } finally {
        listening.close()
      }
    }
  }
})
