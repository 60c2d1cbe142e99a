import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execPath, getuid, kill, pid } from 'node:process'
import { connect as connectTcp } from 'node:net'
import { connect as connectRaw } from 'node:tls'
import { spawn } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { idOf } from '../../../src/object/id.ts'
import { newIdentity, type Identity } from '../../../src/sync/wire/certificate.ts'
import { connectPeer, type ConnectedPeer } from '../../../src/sync/wire/connect-peer.ts'
import { Connection } from '../../../src/sync/wire/connection.ts'
import { loadIdentity } from '../../../src/sync/wire/identity.ts'
import { readKnownPeers, writeKnownPeers } from '../../../src/sync/wire/known-peers.ts'
import { servePeer } from '../../../src/sync/wire/serve-peer.ts'
import type { FolderRequest } from '../../../src/sync/wire/service.ts'
import { childLink } from '../../../src/sync/wire/transport/child.ts'
import { connectionOver, type Link } from '../../../src/sync/wire/transport/link.ts'
import { sshLink } from '../../../src/sync/wire/transport/ssh.ts'
import { connectTls, listenTls } from '../../../src/sync/wire/transport/tls.ts'
import { connectUnix, listenUnix } from '../../../src/sync/wire/transport/unix-socket.ts'
import { requireTool } from '../../require.ts'
import { pattern, rejects } from '../../suites/bucket-suite.ts'
import { headOf, MemoryPeer } from '../../suites/memory-peer.ts'
import { hasSshd, startSshd } from '../../suites/sshd.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { serviceOf, whoAmI } from '../../suites/wire.ts'

const serving = join(import.meta.dirname, 'serving-process.ts')
const big = pattern(1_000_000)

interface Reached extends ConnectedPeer {
  readonly connection: Connection
}

async function reach(t: TestContext, link: Link): Promise<Reached> {
  const connection = connectionOver(link)
  t.after(() => connection.close())
  return { ...(await connectPeer(connection, whoAmI)), connection }
}

async function* wants(): AsyncGenerator<{ id: string }[]> {
  for (let times = 0; times < 20; times++) yield [{ id: idOf(big) }]
}

async function check({ peer }: Reached): Promise<void> {
  assert.deepEqual(await peer.head(), headOf(7))
  let count = 0
  for await (const arrivals of peer.fetch(wants())) {
    for (const { bytes } of arrivals) assert.ok(Buffer.compare(bytes!, big) === 0)
    count += arrivals.length
  }
  assert.equal(count, 20)
}

async function served(): Promise<MemoryPeer> {
  const peer = new MemoryPeer(headOf(7))
  await peer.put(big)
  return peer
}

test('a child is spoken to by its standard input and output', async (t) => {
  const reached = await reach(t, childLink([execPath, serving], { name: 'child' }))
  await check(reached)
  await reached.connection.close()
})

test('a child that fails is told by its own words', async () => {
  const connection = connectionOver(childLink([execPath, serving, 'fail'], { name: 'child' }))
  await assert.rejects(connectPeer(connection, whoAmI), {
    code: 'unavailable',
    message: 'child: warming up; no such folder: /data',
  })
  const absent = connectionOver(childLink(['/no/such/program'], { name: 'child' }))
  await assert.rejects(connectPeer(absent, whoAmI), { code: 'unsupported' })
})

test('a program that speaks something else is told from one of ours', async () => {
  const connection = connectionOver(childLink(['echo', 'Welcome to Example OS'], { name: 'other' }))
  await assert.rejects(connectPeer(connection, whoAmI), (error: Error) => {
    assert.match(error.message, /does not speak Tidemark's protocol: it said "Welcome to Example/)
    return true
  })
})

/** The process of a child link, found by its parent: a link does not tell. */
async function childOf(link: Link): Promise<number> {
  const [line] = readFileSync(`/proc/self/task/${pid}/children`, 'utf8').trim().split(/\s+/).slice(-1)
  assert.ok(link.stream.readable)
  return Number(line)
}

test('a peer that is killed is unavailable, whatever was under way', async (t) => {
  const link = childLink([execPath, serving], { name: 'child' })
  const child = await childOf(link)
  const { peer } = await reach(t, link)
  const waiting = peer.head({ after: (await peer.head()).id, waitMs: 60_000 })
  const refused = rejects(waiting, 'unavailable')
  kill(child, 'SIGKILL')
  await refused
  await rejects(peer.head(), 'unavailable')
})

test('a peer that is stopped runs into the time-out', async (t) => {
  const link = childLink([execPath, serving], { name: 'child' })
  const child = await childOf(link)
  const connection = new Connection(link.stream, {
    name: 'child',
    isDialler: true,
    quiet: { greeting: 60_000, ask: 300, gone: 3000 },
  })
  t.after(() => connection.close())
  const { peer } = await connectPeer(connection, whoAmI)
  const { id } = await peer.head()
  await peer.head({ after: id, waitMs: 7000 })
  kill(child, 'SIGSTOP')
  t.after(() => kill(child, 'SIGKILL'))
  await rejects(peer.head({ after: id, waitMs: 60_000 }), 'timeout')
})

test('ssh reaches a real sshd, and what it complains of is shown', async (t) => {
  if (!requireTool(t, hasSshd, 'sshd is not installed')) return
  if (!requireTool(t, getuid?.() === 0, 'sshd of one’s own needs root')) return
  const server = await startSshd(t)
  const remoteCommand = `${execPath} ${serving}`
  await check(await reach(t, sshLink({ ...server, remoteCommand })))

  const without = connectionOver(sshLink({ ...server, remoteCommand: '/no/such/tidemark serve --stdio' }))
  await assert.rejects(connectPeer(without, whoAmI), /unavailable|No such file|not found/)
  const stranger = connectionOver(sshLink({ ...server, user: 'nobody-here', remoteCommand }))
  await assert.rejects(connectPeer(stranger, whoAmI), { code: 'unavailable', message: /Permission denied/ })
})

test('a unix socket serves this user, and one that a dead process left is replaced', async (t) => {
  const path = join(temporaryDirectory(t), 'socket')
  const peer = await served()
  const listener = await listenUnix(path, (link) => void servePeer(connectionOver(link), serviceOf(peer)))
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const reached = await reach(t, await connectUnix(path))
  await check(reached)
  await rejects(
    listenUnix(path, () => {}),
    'busy',
  )
  listener.close()
  await rejects(connectUnix(path), 'unavailable')
  // A socket whose process was killed.
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`
  await once(spawn(execPath, ['-e', script], { stdio: 'ignore' }), 'exit')
  assert.ok(existsSync(path))
  const again = await listenUnix(path, () => {})
  again.close()
})

async function listen(
  t: TestContext,
  known: readonly Identity[],
  seen: FolderRequest[] = [],
  handshakeMs?: number,
): Promise<{ port: number; identity: Identity; strangers: (string | undefined)[] }> {
  const identity = newIdentity()
  const strangers: (string | undefined)[] = []
  const peer = await served()
  const listener = await listenTls({
    host: '127.0.0.1',
    port: 0,
    identity,
    isKnown: (fingerprint) => known.some((one) => one.fingerprint === fingerprint),
    onLink: (link) => {
      const { fingerprint } = link
      void servePeer(connectionOver(link), serviceOf(peer, {}, seen), { fingerprint })
    },
    onStranger: (fingerprint) => strangers.push(fingerprint),
    handshakeMs,
  })
  t.after(() => listener.close())
  return { port: listener.port, identity, strangers }
}

test('TLS lets in whoever is known, and each side knows the other by its certificate', async (t) => {
  const me = newIdentity()
  const seen: FolderRequest[] = []
  const { port, identity } = await listen(t, [me], seen)
  const link = await connectTls({ host: '127.0.0.1', port, identity: me, fingerprint: identity.fingerprint })
  await check(await reach(t, link))
  assert.equal(seen[0]!.caller.fingerprint, me.fingerprint)
})

test('TLS: an unknown peer is told so and gets nothing', async (t) => {
  const { port, identity, strangers } = await listen(t, [newIdentity()])
  const me = newIdentity()
  const link = await connectTls({ host: '127.0.0.1', port, identity: me, fingerprint: identity.fingerprint })
  const connection = connectionOver(link)
  await assert.rejects(connectPeer(connection, whoAmI), { code: 'denied', message: /not known here/ })
  assert.deepEqual(strangers, [me.fingerprint])
})

test('TLS: whoever shows no certificate gets nothing', async (t) => {
  const { port, strangers } = await listen(t, [newIdentity()])
  const socket = connectRaw({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ALPNProtocols: ['tidemark/1'],
  })
  t.after(() => socket.destroy())
  let got = 0
  socket.on('data', (chunk: Buffer) => (got += chunk.length))
  socket.on('error', () => {})
  await once(socket, 'close')
  assert.ok(got < 300, `${got} bytes for a stranger`)
  assert.deepEqual(strangers, [undefined])
})

test('TLS: another server than the known one is refused before a word is said', async (t) => {
  const me = newIdentity()
  const seen: FolderRequest[] = []
  const { port } = await listen(t, [me], seen)
  const { fingerprint } = newIdentity()
  await assert.rejects(connectTls({ host: '127.0.0.1', port, identity: me, fingerprint }), {
    code: 'denied',
    message: /not the machine that is known by that name/,
  })
  assert.deepEqual(seen, [])
})

test('TLS: whoever speaks no TLS at all is let go, and others are served meanwhile', async (t) => {
  const me = newIdentity()
  const { port, identity } = await listen(t, [me])
  const socket = connectTcp(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.0\r\n\r\n')
  await once(socket, 'close')
  const link = await connectTls({ host: '127.0.0.1', port, identity: me, fingerprint: identity.fingerprint })
  await check(await reach(t, link))
})

test('TLS: callers who say nothing are let go, and are never so many that nobody else gets in', async (t) => {
  const me = newIdentity()
  const { port, identity } = await listen(t, [me], [], 2000)
  const idle = Array.from({ length: 100 }, () => connectTcp(port, '127.0.0.1'))
  t.after(() => idle.forEach((socket) => socket.destroy()))
  const closed = idle.map((socket) => {
    socket.on('error', () => {})
    // The beginning of a handshake, and then no more.
    socket.write(Uint8Array.of(22, 3, 1))
    return new Promise((resolve) => socket.once('close', resolve))
  })
  // Those that are too many go at once, and the others when their time is over.
  await Promise.all(closed)
  const link = await connectTls({ host: '127.0.0.1', port, identity: me, fingerprint: identity.fingerprint })
  await check(await reach(t, link))
})

test('nobody at the other end is unavailable', async () => {
  const me = newIdentity()
  await rejects(
    connectTls({ host: '127.0.0.1', port: 1, identity: me, fingerprint: me.fingerprint }),
    'unavailable',
  )
})

test('an identity is made once, also by several at a time, and must be private', async (t) => {
  const directory = join(temporaryDirectory(t), 'state/tidemark')
  const all = await Promise.all(Array.from({ length: 5 }, () => loadIdentity(directory)))
  assert.equal(new Set(all.map(({ fingerprint }) => fingerprint)).size, 1)
  assert.deepEqual(await loadIdentity(directory), all[0])
  const path = join(directory, 'identity.pem')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  chmodSync(path, 0o640)
  await rejects(loadIdentity(directory), 'denied')
  writeFileSync(path, `${all[0]!.key}${newIdentity().certificate}`)
  chmodSync(path, 0o600)
  await rejects(loadIdentity(directory), 'corrupt')
})

test('known peers are kept, and a file that is not of ours is refused', async (t) => {
  const directory = temporaryDirectory(t)
  assert.deepEqual(readKnownPeers(directory), [])
  const { fingerprint } = newIdentity()
  const folders = [{ name: 'documents', access: 'read' as const }]
  const laptop = { name: 'laptop', fingerprint, addresses: ['laptop.local:7420'], folders }
  await writeKnownPeers(directory, [laptop])
  assert.deepEqual(readKnownPeers(directory), [laptop])
  await rejects(writeKnownPeers(directory, [laptop, { ...laptop, name: 'other' }]), 'usage')
  await rejects(writeKnownPeers(directory, [{ ...laptop, fingerprint: 'short' }]), 'corrupt')
  assert.deepEqual(readKnownPeers(directory), [laptop])
  for (const [text, code] of [
    ['{', 'corrupt'],
    ['[]', 'corrupt'],
    ['{"version":2}', 'unsupported'],
    ['{"version":1,"peers":[{"name":"x"}]}', 'corrupt'],
  ] as const) {
    writeFileSync(join(directory, 'peers.json'), text)
    assert.throws(() => readKnownPeers(directory), { code })
  }
})
