import { fromHex, toHex } from '../../bytes/hex.ts'
import { nameFromBytes, nameToBytes } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { TidemarkError } from '../../errors.ts'
import type { Access, Caller, FolderRequest } from './service.ts'

/** What is said once, by whoever began the connection. */
export interface Hello extends Omit<FolderRequest, 'caller'> {
  readonly caller: Omit<Caller, 'fingerprint'>
  readonly features: readonly string[]
}

/** The answer to it. */
export interface Welcome {
  readonly features: readonly string[]
  readonly program: string
  readonly device: string
  readonly host: string
  readonly folder: string
  readonly access: Access
}

/** Of what is said behind the hello. */
const protocol = 1
const maxFeatures = 64
const maxWord = 64
const maxName = 1024
const maxPlace = 4096
const idBytes = 16

const [hasPlace, hasFolder, wantsCreation, wantsJoin] = [1, 2, 4, 8]

export function encodeHello(hello: Hello): Uint8Array<ArrayBuffer> {
  const { caller, place, folder, create } = hello
  const writer = begin(hello.features, caller)
  writer.u8(
    (place === undefined ? 0 : hasPlace) |
      (folder === undefined ? 0 : hasFolder) |
      (create === undefined ? 0 : wantsCreation) |
      (create?.join ? wantsJoin : 0),
  )
  if (place !== undefined) writer.prefixed(nameToBytes(place))
  if (folder !== undefined) writer.raw(idBytesOf(folder))
  if (create !== undefined) writer.prefixed(nameToBytes(create.history))
  return writer.finish()
}

/** Throws `corrupt`, or `unsupported` for another version of the protocol. */
export function decodeHello(bytes: Uint8Array): Hello {
  const reader = new Reader(bytes, 'hello')
  const { features, caller } = readBegin(reader)
  const flags = reader.u8()
  if (flags > 15 || (flags & (wantsCreation | wantsJoin)) === wantsJoin) throw reader.fail('bad flags')
  const place = (flags & hasPlace) === 0 ? undefined : reader.name(maxPlace)
  const folder = (flags & hasFolder) === 0 ? undefined : toHex(reader.take(idBytes))
  const create =
    (flags & wantsCreation) === 0
      ? undefined
      : { history: reader.name(maxWord), join: (flags & wantsJoin) !== 0 }
  reader.end()
  return { features, caller, place, folder, create }
}

export function encodeWelcome(welcome: Welcome): Uint8Array<ArrayBuffer> {
  const writer = begin(welcome.features, welcome)
  return writer
    .raw(idBytesOf(welcome.folder))
    .u8(welcome.access === 'read' ? 0 : 1)
    .finish()
}

/** Throws `corrupt`, or `unsupported` for another version of the protocol. */
export function decodeWelcome(bytes: Uint8Array): Welcome {
  const reader = new Reader(bytes, 'answer to hello')
  const { features, caller } = readBegin(reader)
  const folder = toHex(reader.take(idBytes))
  const access = reader.u8()
  if (access > 1) throw reader.fail('bad access')
  reader.end()
  return { features, ...caller, folder, access: access === 0 ? 'read' : 'read-write' }
}

/** What both begin with. */
function begin(features: readonly string[], who: Hello['caller']): Writer {
  const writer = new Writer(256).varint(protocol).varint(features.length)
  for (const feature of features) writer.prefixed(nameToBytes(feature))
  return writer
    .prefixed(nameToBytes(who.program.slice(0, maxWord)))
    .raw(idBytesOf(who.device))
    .prefixed(nameToBytes(who.host.slice(0, maxName / 4)))
}

function readBegin(reader: Reader): { features: string[]; caller: Hello['caller'] } {
  const spoken = reader.varint()
  if (spoken !== protocol) {
    const which = spoken > protocol ? 'a newer' : 'an older'
    throw new TidemarkError('unsupported', `the other side speaks ${which} protocol (${spoken})`)
  }
  const count = reader.varint()
  if (count > maxFeatures) throw reader.fail('too many features')
  const features = Array.from({ length: count }, () => nameFromBytes(reader.prefixed(maxWord)))
  const program = reader.name(4 * maxWord)
  const device = toHex(reader.take(idBytes))
  return { features, caller: { program, device, host: reader.name(maxName) } }
}

function idBytesOf(id: string): Uint8Array {
  const bytes = fromHex(id)
  if (bytes?.length !== idBytes) throw new TidemarkError('usage', `not an id of a folder or device: ${id}`)
  return bytes
}
