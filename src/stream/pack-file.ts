import { closeSync, fstatSync, openSync } from 'node:fs'
import { createZstdDecompress, zstdDecompressSync } from 'node:zlib'
import { corrupt, TidemarkError } from '../errors.ts'
import { readFully } from '../store/durable.ts'
import { contentLimit } from './lines.ts'
import { diffStarts, fullStart, indexMember } from './pack.ts'
import { parsePackIndex, type PackedVersion } from './pack-index.ts'
import type { TextReplay } from './replay.ts'
import { openReplay, prepareReplay } from './replay-kernel.ts'
import { padding, readTarMember, tarEnd } from './tar.ts'
import { zstdFrameLength } from './zstd-frame.ts'

/** An index of 100,000 versions is about 12 MB. */
const indexLimit = 16 << 20
const firstRead = 16 << 10

/** A pack on disk with its index. A pack may be replaced by one of the same name: `identity` tells them apart. */
export interface PackFile {
  readonly path: string
  readonly identity: string
  readonly versions: readonly PackedVersion[]
  /** The length of the first frame. */
  readonly indexLength: number
}

/** Reads the index of the pack at `path`, or returns `known` when that is it. */
export function openPackFile(path: string, known?: PackFile): PackFile {
  const file = openSync(path, 'r')
  try {
    const stat = fstatSync(file, { bigint: true })
    const identity = `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`
    if (known?.identity === identity) return known
    return { path, identity, ...readIndex(file, Number(stat.size), path) }
  } finally {
    closeSync(file)
  }
}

function readIndex(file: number, size: number, path: string): Pick<PackFile, 'versions' | 'indexLength'> {
  for (let length = Math.min(size, firstRead); ; length = Math.min(size, length * 4)) {
    const bytes = Buffer.allocUnsafe(length)
    const head = bytes.subarray(0, readFully(file, bytes, 0))
    const indexLength = zstdFrameLength(head, path)
    if (indexLength === undefined) {
      if (length >= size || length > indexLimit) throw corrupt(path, 'has no whole index')
      continue
    }
    const tar = decompressIndex(head.subarray(0, indexLength), path)
    const member = readTarMember(tar, 0, path)
    if (member.name !== indexMember) throw corrupt(path, `does not begin with ${indexMember}`)
    return { versions: parsePackIndex(tar.toString('utf8', member.start, member.end), path), indexLength }
  }
}

function decompressIndex(frame: Uint8Array, path: string): Buffer {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: indexLimit })
  } catch (error) {
    throw corrupt(path, `its index cannot be read (${(error as Error).message})`)
  }
}

/** Part of a pack's content: as much as was asked for. */
export interface PackData {
  readonly bytes: Uint8Array
  /** Where each version's diff begins. */
  readonly diffs: readonly number[]
}

/** Reads all of `pack`. Rejects with `conflict`, or the system's ENOENT, when the pack has been replaced since. */
export async function readPack(pack: PackFile): Promise<PackData> {
  const diffs = diffStarts(pack.versions)
  const size = checkedSize(pack, diffs.at(-1)! + pack.versions.at(-1)!.diffBytes)
  const frames = readFrames(pack)
  // The decoder passes over what is behind the last frame.
  bodyOf(frames, pack.path)
  return { bytes: await decompressStart(frames, size, pack.path, { sound: true }), diffs }
}

function checkedSize(pack: PackFile, size: number): number {
  if (size > 2 * contentLimit) throw corrupt(pack.path, 'announces more than a pack can hold')
  return size
}

/** All frames behind the first, as they are. */
function readFrames(pack: PackFile): Buffer {
  const file = openSync(pack.path, 'r')
  try {
    const stat = fstatSync(file, { bigint: true })
    if (`${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}` !== pack.identity) {
      throw new TidemarkError('conflict', `${pack.path} has been replaced`)
    }
    const bytes = Buffer.allocUnsafe(Math.max(0, Number(stat.size) - pack.indexLength))
    return bytes.subarray(0, readFully(file, bytes, pack.indexLength))
  } finally {
    closeSync(file)
  }
}

/** The frames of `pack` that hold its full text and its states. */
export function readBody(pack: PackFile): { frames: Uint8Array; count: number } {
  return bodyOf(readFrames(pack), pack.path)
}

function bodyOf(bytes: Uint8Array, path: string): { frames: Uint8Array; count: number } {
  let end = 0
  let at = 0
  for (let count = 0; ; count++) {
    const length = zstdFrameLength(bytes.subarray(at), path)
    if (length === undefined) throw corrupt(path, 'ends inside a frame')
    end = at
    at += length
    if (at === bytes.length) return { frames: bytes.subarray(0, end), count }
  }
}

/** Behind the states there is only the end of the archive. */
const endRoom = 65_536

/**
 * The first `wanted` bytes of what `frames` decompress to. The rest is not decompressed; or, when it is to be `sound`, it
 * is, as the checksums of the frames are behind what they are of.
 */
async function decompressStart(
  frames: Uint8Array,
  wanted: number,
  path: string,
  { sound = false }: { readonly sound?: boolean } = {},
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  // In one piece if the first frame has it all: that takes a third of the time of many.
  const stream = createZstdDecompress({ chunkSize: sound ? wanted + endRoom : Math.max(wanted, leastPiece) })
  stream.end(frames)
  try {
    for await (const part of stream as AsyncIterable<Buffer>) {
      parts.push(part)
      length += part.length
      if (sound ? length > wanted + endRoom : length >= wanted) break
    }
  } catch (error) {
    throw corrupt(path, `cannot be decompressed (${(error as Error).message})`)
  }
  // Of a frame that lacks its end the decoder says nothing.
  const least = sound ? wanted + padding(wanted) + tarEnd().length : wanted
  if (length < least) throw corrupt(path, `ends after ${length} of ${least} bytes`)
  return (parts.length === 1 ? parts[0]! : Buffer.concat(parts)).subarray(0, wanted)
}

/** The least that a stream takes. */
const leastPiece = 1024

/** The contents of packs that versions were read from lately, the latest last; and all that were asked for lately. */
const held = new Map<string, PackData>()
const asked = new Set<string>()
const heldLimit = 32 << 20
const askedLimit = 32

/**
 * Enough of `pack` to read version number `k`. Of a pack that is asked for the first time no more is read than that; of
 * one that is asked for again, everything, and it is held: whoever reads two versions reads more.
 */
async function dataFor(pack: PackFile, k: number): Promise<PackData> {
  const { identity, versions } = pack
  const known = held.get(identity)
  if (known !== undefined) {
    held.delete(identity)
    held.set(identity, known)
    return known
  }
  if (!asked.has(identity)) {
    asked.add(identity)
    for (const oldest of asked) {
      if (asked.size <= askedLimit) break
      asked.delete(oldest)
    }
    const diffs = diffStarts(versions)
    const end = k === 0 ? fullStart + versions[0]!.contentBytes : diffs[k]! + versions[k]!.diffBytes
    return { bytes: await decompressStart(readFrames(pack), checkedSize(pack, end), pack.path), diffs }
  }
  const data = await readPack(pack)
  if (data.bytes.length <= heldLimit) held.set(identity, data)
  let size = 0
  for (const { bytes } of held.values()) size += bytes.length
  for (const [oldest, { bytes }] of held) {
    if (size <= heldLimit) break
    held.delete(oldest)
    size -= bytes.length
  }
  return data
}

/** The content of version number `k` of `pack`, checked against its hash. Rejects as {@link readPack} does. */
export async function readPackedVersion(pack: PackFile, k: number): Promise<Buffer> {
  // Node takes longer to get ready to hash than to read: it does so while another thread decompresses.
  const reading = Promise.all([dataFor(pack, k), import('./check-packed.ts')])
  prepareReplay()
  const [data, { checkPacked }] = await reading
  const replay = replayPack(pack, data, k, k)
  const content = replay.bytes()
  replay.release()
  checkPacked(pack, k, content)
  return content
}

/** The text of version number `k` of `pack`; those up to `last` can be had from it by {@link applyPacked}. */
export function replayPack(
  pack: PackFile,
  data: PackData,
  k: number,
  last: number = pack.versions.length - 1,
): TextReplay {
  const fullEnd = fullStart + pack.versions[0]!.contentBytes
  const end = last === 0 ? fullEnd : data.diffs[last]! + pack.versions[last]!.diffBytes
  const replay = openReplay(data.bytes.subarray(0, end), fullStart, fullEnd)
  for (let i = 1; i <= k; i++) applyPacked(replay, pack, data, i)
  return replay
}

/** Takes `replay` from version `i - 1` to version `i` of `pack`. */
export function applyPacked(replay: TextReplay, pack: PackFile, data: PackData, i: number): void {
  const start = data.diffs[i]!
  replay.apply(start, start + pack.versions[i]!.diffBytes, `${pack.path}: ${pack.versions[i]!.name}`)
}
