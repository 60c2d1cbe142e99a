import { corrupt, TidemarkError } from '../../errors.ts'
import { leastChannels, leastWindow, maxCredit } from './limits.ts'

/** The first bytes of each direction: who speaks, and what it is ready to take in. */
export interface Preamble {
  /** Credit that the other side has at first on each channel. */
  readonly window: number
  /** How many channels the other side may have open at a time. */
  readonly channels: number
}

export const preambleLength = 20

/** A byte beyond ASCII and line ends of both kinds: a link that changes text shows at once. */
const magic = Uint8Array.from([0x89, 0x54, 0x49, 0x44, 0x45, 0x0d, 0x0a, 0x1a])
const version = 1

export function encodePreamble(preamble: Preamble): Buffer {
  const bytes = Buffer.alloc(preambleLength)
  bytes.set(magic)
  bytes.writeUInt16LE(version, 8)
  bytes.writeUInt32LE(preamble.window, 12)
  bytes.writeUInt32LE(preamble.channels, 16)
  return bytes
}

/** Throws `corrupt` for what is no preamble, `unsupported` for that of a version that this program does not speak. */
export function decodePreamble(bytes: Uint8Array): Preamble {
  checkMagic(bytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, preambleLength)
  const spoken = view.getUint16(8, true)
  if (spoken !== version) {
    const which = spoken > version ? 'a newer' : 'an older'
    throw new TidemarkError('unsupported', `the other side speaks ${which} version of the wire (${spoken})`)
  }
  const window = view.getUint32(12, true)
  const channels = view.getUint32(16, true)
  if (view.getUint16(10, true) !== 0 || window > maxCredit || window < leastWindow) {
    throw corrupt('wire', 'a bad preamble')
  }
  if (channels < leastChannels) throw corrupt('wire', 'a bad preamble')
  return { window, channels }
}

/** Throws `corrupt` as soon as the first bytes, however few, are not those of a preamble. */
export function checkMagic(bytes: Uint8Array): void {
  if (magic.subarray(0, bytes.length).every((byte, at) => byte === bytes[at])) return
  const shown = Buffer.from(bytes.subarray(0, 60)).toString('latin1')
  throw corrupt('wire', `the other side does not speak Tidemark's protocol: it said ${JSON.stringify(shown)}`)
}
