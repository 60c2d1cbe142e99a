import { isIP, type Socket } from 'node:net'
import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { TidemarkError } from '../../../errors.ts'
import type { CallOptions } from '../../../store/bucket.ts'
import { fingerprintOf, type Identity } from '../certificate.ts'
import { connectionOver, type Link } from './link.ts'
import { listening, opened } from './opening.ts'
import type { Listener } from './unix-socket.ts'

/** What both sides say they speak (ALPN). */
const protocol = 'tidemark/1'
const handshakeMost = 15_000
/** Strangers are turned away before they cost more than a handshake each. */
const mostCallers = 256
/** One machine does not keep out the others. */
const mostOfOne = 64
const keepAliveAfter = 30_000

export interface ConnectTlsOptions extends CallOptions {
  readonly host: string
  readonly port: number
  readonly identity: Identity
  /** The certificate that must be met; undefined only to pair, when the caller has yet to compare it. */
  readonly fingerprint: string | undefined
}

/**
 * Reaches another machine over TLS 1.3. Rejects `denied` when it is another than the one that is known by
 * `fingerprint`: then nothing has been said.
 */
export async function connectTls(options: ConnectTlsOptions): Promise<Link> {
  const { host, port, identity, fingerprint: expected, signal } = options
  const name = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  const { key, certificate: cert } = identity
  const stream = connect({
    host,
    port,
    key,
    cert,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [protocol],
    // Certificates are signed by themselves; what counts is which one it is.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  })
  await opened(stream, 'secureConnect', name, { signal })
  const fingerprint = peerOf(stream)
  if (fingerprint === undefined || (expected !== undefined && fingerprint !== expected)) {
    stream.destroy()
    const met = `its certificate is ${fingerprint ?? 'missing'}, not ${expected}`
    const what = `${name}: this is not the machine that is known by that name, or somebody is in between`
    throw new TidemarkError('denied', `${what}: ${met}`)
  }
  return linkOf(stream, name, true, fingerprint)
}

export interface ListenTlsOptions {
  readonly host?: string | undefined
  /** 0 for any that is free. */
  readonly port: number
  readonly identity: Identity
  /** Whether the machine with this certificate may come in. */
  readonly isKnown: (fingerprint: string) => boolean
  readonly onLink: (link: Link) => void
  /** Told of each that was turned away. */
  readonly onStranger?: (fingerprint: string | undefined, address: string) => void
  /** How long a caller may take to show its certificate. Milliseconds. */
  readonly handshakeMs?: number | undefined
}

/** Lets in those whose certificates are known. Others are told so and get nothing else. */
export async function listenTls(options: ListenTlsOptions): Promise<Listener & { readonly port: number }> {
  const { host, identity, isKnown, onLink, onStranger, handshakeMs = handshakeMost } = options
  const server = createServer({
    key: identity.key,
    cert: identity.certificate,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [protocol],
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMs,
  })
  server.maxConnections = mostCallers
  limitEach(server, mostOfOne)
  // Node tells of a handshake that takes too long, and leaves the connection open.
  server.on('tlsClientError', (_error, stream) => stream.destroy())
  server.on('secureConnection', (stream) => {
    const address = `${stream.remoteAddress}:${stream.remotePort}`
    stream.on('error', () => {})
    const fingerprint = peerOf(stream)
    const link = linkOf(stream, address, false, fingerprint)
    if (fingerprint !== undefined && isKnown(fingerprint)) {
      onLink(link)
      return
    }
    onStranger?.(fingerprint, address)
    connectionOver(link).fail(
      new TidemarkError('denied', 'your machine is not known here: pair the two machines first'),
    )
  })
  await listening(server, `${host ?? '*'}:${options.port}`, () => server.listen(options.port, host))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: () => void server.close(),
  }
}

/** Lets in only so many callers at a time from one address. */
function limitEach(server: Server, most: number): void {
  const callers = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const count = callers.get(address) ?? 0
    if (count >= most) {
      socket.destroy()
      return
    }
    callers.set(address, count + 1)
    socket.once('close', () => {
      const left = callers.get(address)! - 1
      if (left > 0) callers.set(address, left)
      else callers.delete(address)
    })
  })
}

/** The fingerprint of the certificate whose key the other side has proven to hold. */
function peerOf(stream: TLSSocket): string | undefined {
  // A session that is taken up again proves nothing of its own.
  if (stream.isSessionReused() || stream.alpnProtocol !== protocol) return undefined
  const certificate = stream.getPeerX509Certificate()
  return certificate === undefined ? undefined : fingerprintOf(certificate.raw)
}

function linkOf(stream: TLSSocket, name: string, isDialler: boolean, fingerprint: string | undefined): Link {
  stream.setNoDelay(true)
  stream.setKeepAlive(true, keepAliveAfter)
  const isNear = stream.remoteAddress === stream.localAddress
  return { stream, name, isDialler, isNear, fingerprint }
}
