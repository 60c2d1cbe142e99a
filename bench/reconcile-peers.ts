/**
 * One case of the comparison in bench/reconcile.ts, in a process of its own: `reconcile-peers.ts PEER N D`. Two sets of n
 * 32-byte ids, d of which are on one side only, scattered at random. Prints what the peer needed as JSON.
 */
import { createHash } from 'node:crypto'
import { pull, RemoteSet, ServedIndex, setHandler } from '../src/exchange/index.ts'
import { resolve, summarizeItems, summarizeJson } from '../src/mathsync/index.ts'
import { general, large, SetIndex } from '../src/reconcile/index.ts'

export interface PeerResult {
  bytes: number
  roundTrips: number
  /** Milliseconds of CPU on both sides together, once both hold their sets. */
  cpu: number
  /** Milliseconds of CPU to take in both sets. */
  setUp: number
}

const [, , peer = '', sizeText = '', differencesText = ''] = process.argv
const size = Number(sizeText)
const differences = Number(differencesText)

function id(number: number): Buffer {
  return createHash('sha256').update(`item ${number}`).digest()
}

/** Half of the differences on each side. */
function sides(): { server: Buffer[]; client: Buffer[] } {
  const onServer = Math.ceil(differences / 2)
  const common = Array.from({ length: size - onServer }, (_, at) => id(at))
  const server = [...common, ...Array.from({ length: onServer }, (_, at) => id(size + at))]
  const client = [...common, ...Array.from({ length: differences - onServer }, (_, at) => id(2 * size + at))]
  return { server, client }
}

/** CPU milliseconds so far; garbage is collected first, so that nobody pays for another's. */
function cpu(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const sets = sides()
let start = cpu()
let ready = 0

/** Marks the end of taking in the sets. */
function taken(): void {
  ready = cpu()
}

async function tidemark(): Promise<Pick<PeerResult, 'bytes' | 'roundTrips'>> {
  const [server, client] = [new SetIndex<Buffer>(), new SetIndex<Buffer>()]
  for (const item of sets.server) server.add(item, item)
  for (const item of sets.client) client.add(item, item)
  taken()
  const handler = setHandler(new ServedIndex(server, (item) => item))
  const remote = new RemoteSet('http://peer.test/', { fetch: (url, init) => handler(new Request(url, init)) })
  const profile = differences >= 10_000 ? large : general
  // As the peers do it: the ids of what is missing, not the items.
  const { addedIds, removed, cost } = await pull(client, remote, { items: false, profile })
  check(addedIds.length / 2 + removed.length)
  return { bytes: cost.bytesSent + cost.bytesReceived, roundTrips: cost.requests }
}

/** negentropy's JavaScript as nostr-tools carries it, which does not export it. */
const nip77: string = new URL('../node_modules/nostr-tools/lib/esm/nip77.js', import.meta.url).href

interface Vector {
  insert(timestamp: number, id: string): void
  seal(): void
}

/** Of a message: nostr-tools' own limit of 60 KB would cost round trips. */
const noLimit = 2 ** 40

interface Nip77 {
  NegentropyStorageVector: new () => Vector
  Negentropy: new (
    storage: Vector,
    frameSizeLimit: number,
  ) => {
    initiate(): string
    reconcile(message: string, onHave?: () => void, onNeed?: () => void): string | null
  }
}

async function negentropy(): Promise<Pick<PeerResult, 'bytes' | 'roundTrips'>> {
  const { Negentropy, NegentropyStorageVector } = (await import(nip77)) as Nip77
  const storage = (items: Buffer[]): Vector => {
    const vector = new NegentropyStorageVector()
    // The time stamps are no order of the differences: that is the case sketches are for.
    for (const item of items) vector.insert(item.readUInt32LE(28) >>> 2, item.toString('hex'))
    vector.seal()
    return vector
  }
  const server = new Negentropy(storage(sets.server), noLimit)
  const client = new Negentropy(storage(sets.client), noLimit)
  taken()
  let found = 0
  let bytes = 0
  let roundTrips = 0
  const count = (): number => found++
  // This one is written for clients: as a server it compares the ids it is sent, but answers nothing. The answer is
  // counted as if it told the differing ids alone; the original sends all of its ids in that range.
  const tell = (): void => {
    found++
    bytes += id(0).length
  }
  for (let message: string | null = client.initiate(); message !== null;) {
    const answer: string | null = server.reconcile(message, tell, tell)
    roundTrips++
    bytes += message.length / 2 + (answer ?? '').length / 2
    message = answer === null ? null : client.reconcile(answer, count, count)
  }
  check(found)
  return { bytes, roundTrips }
}

async function peerbit(): Promise<Pick<PeerResult, 'bytes' | 'roundTrips'>> {
  const { EncoderWrapper, ready: loaded } = await import('@peerbit/riblt')
  await loaded
  const server = new EncoderWrapper()
  const client = new EncoderWrapper()
  for (const item of sets.server) server.add_symbol(item.readBigUInt64LE())
  for (const item of sets.client) client.add_symbol(item.readBigUInt64LE())
  taken()
  const decoder = client.to_decoder()
  let symbols = 0
  do {
    decoder.add_coded_symbol(server.produce_next_coded_symbol())
    decoder.try_decode()
    symbols++
  } while (!decoder.decoded())
  check(decoder.get_local_symbols().length + decoder.get_remote_symbols().length)
  // 8 bytes of symbol, 8 of hash, and a count that is nearly always one byte.
  return { bytes: 17 * symbols, roundTrips: 1 }
}

async function mathsync(): Promise<Pick<PeerResult, 'bytes' | 'roundTrips'>> {
  const summarize = summarizeItems(sets.server, { serialize: itself })
  taken()
  let bytes = 0
  let roundTrips = 0
  const remote = summarizeJson(async (level) => {
    const json = JSON.stringify(await summarize(level))
    bytes += json.length
    roundTrips++
    return json
  })
  const { added, removed } = await resolve({
    local: sets.client,
    serialize: itself,
    remote,
    deserialize: itself,
  })
  check(added.length + removed.length)
  return { bytes, roundTrips }
}

function itself(item: Uint8Array): Uint8Array {
  return item
}

function check(found: number): void {
  if (found !== differences) throw new Error(`${peer} found ${found} of ${differences}`)
}

const peers: Record<string, () => Promise<Pick<PeerResult, 'bytes' | 'roundTrips'>>> = {
  tidemark,
  negentropy,
  peerbit,
  mathsync,
}
start = cpu()
const { bytes, roundTrips } = await peers[peer]!()
const result: PeerResult = { bytes, roundTrips, cpu: cpu() - ready, setUp: ready - start }
console.log(JSON.stringify(result))
