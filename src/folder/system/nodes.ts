import { TidemarkError } from '../../errors.ts'
import { joinDevice, type Device } from './device.ts'
import { callFailed, cString, libc } from './libc.ts'
import { displayPath, type SystemPath } from './paths.ts'

const S_IFIFO = 0o010000
const S_IFCHR = 0o020000
const S_IFBLK = 0o060000
const S_IFSOCK = 0o140000
const PERMISSIONS = 0o7777

/**
 * Each makes a new entry at `path` with `mode` (12 bits), of which the process's umask takes its part: a
 * chmod gives the rest. They throw `exists`, `denied` (a device takes root), `missing`, or `unsupported`
 * where the C library cannot be reached or the file system has no such thing.
 */
export function makeFifo(path: SystemPath, mode: number): void {
  makeNode(path, S_IFIFO | (mode & PERMISSIONS), 0n)
}

export function makeDevice(
  path: SystemPath,
  kind: 'block' | 'character',
  mode: number,
  { major, minor }: Device,
): void {
  // The kernel's call has 12 and 20 bits for them, whatever a stat can show.
  if (!within(major, 0xfff) || !within(minor, 0xfffff)) {
    throw new TidemarkError('limit', `${displayPath(path)}: no device ${major}:${minor} can be made`)
  }
  makeNode(path, (kind === 'block' ? S_IFBLK : S_IFCHR) | (mode & PERMISSIONS), joinDevice({ major, minor }))
}

/** A socket that nobody listens at, as after the end of the program that did. */
export function makeSocket(path: SystemPath, mode: number): void {
  makeNode(path, S_IFSOCK | (mode & PERMISSIONS), 0n)
}

function makeNode(path: SystemPath, mode: number, device: bigint): void {
  const system = libc()
  if (system?.mknod === undefined) {
    throw new TidemarkError('unsupported', `make ${displayPath(path)}: not without the C library (koffi)`)
  }
  if (system.mknod(cString(path), mode, device) !== 0) throw callFailed('make', system.errno(), path)
}

function within(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most
}
