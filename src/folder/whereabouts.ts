import { createHash } from 'node:crypto'
import { readFileSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isTidemarkError } from '../errors.ts'
import { isRandomId } from '../object/snapshot.ts'
import { DirectoryBucket } from '../store/directory-bucket.ts'
import { ownDirectory } from './own-directory.ts'

/**
 * Where a copy of a folder stands, as far as that can be told. A directory that was copied together with its
 * `.tidemark` is another copy, and must not go on under the device id of the first: what one of them did would be
 * taken for what the other did. A directory that was renamed, or whose disk was mounted elsewhere, is the same copy.
 */
export interface Whereabouts {
  readonly device: string
  /** A hash of what names the machine; empty where nothing does. */
  readonly machine: string
  readonly path: string
  /** The inode of `.tidemark` and when it was made (nanoseconds since 1970): whatever copies makes them anew. */
  readonly inode: string
  readonly born: string
}

const fileName = 'place.json'
/** A disk that goes from machine to machine is one copy on each of them; older ones are forgotten. */
const mostKept = 16

/** File systems that number inodes anew whenever they are mounted: FAT, exFAT, FUSE, CIFS, SMB. */
const renumbering: ReadonlySet<number> = new Set([0x4d44, 0x2011bab0, 0x65735546, 0xff534d42, 0xfe534d42])

/** What the notes in a folder say of the place in which it is now. */
export interface NotedDevice {
  /** The device that this place had; undefined when it was never here. */
  readonly device: string | undefined
  /** There are notes. */
  readonly noted: boolean
}

/** Damaged notes are as good as none: nothing is relied on that cannot be read. */
export async function notedDevice(root: string): Promise<NotedDevice> {
  const all = await readNotes(root)
  if (all === undefined) return { device: undefined, noted: false }
  const here = look(root)
  return { device: all.find((noted) => isSame(noted, here, root))?.device, noted: true }
}

/** Notes that the copy in `root` is `device`. */
export async function noteDevice(root: string, device: string): Promise<void> {
  const here = { ...look(root), device }
  const others = ((await readNotes(root)) ?? []).filter((noted) => !isSame(noted, here, root))
  const places = [here, ...others].slice(0, mostKept)
  const text = `${JSON.stringify({ format: 'tidemark place', version: 1, places }, undefined, 2)}\n`
  await new DirectoryBucket(join(root, ownDirectory)).put(fileName, new TextEncoder().encode(text))
}

type Place = Omit<Whereabouts, 'device'>

function look(root: string): Place {
  const { ino, birthtimeNs } = statSync(join(root, ownDirectory), { bigint: true })
  return { machine: machineName(), path: root, inode: `${ino}`, born: `${birthtimeNs}` }
}

function isSame(noted: Place, here: Place, root: string): boolean {
  if (noted.machine !== here.machine) return false
  if (noted.inode === here.inode && noted.born === here.born) return true
  return noted.path === here.path && renumbering.has(statfsSync(root).type)
}

let machine: string | undefined

/** Not the id itself, which machine-id(5) wants to be kept from others. */
function machineName(): string {
  return (machine ??= hashOf(machineId()))
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'latin1').trim()
  } catch {
    return ''
  }
}

function hashOf(id: string): string {
  return id === '' ? '' : createHash('sha256').update(`tidemark place ${id}`).digest('hex').slice(0, 16)
}

async function readNotes(root: string): Promise<Whereabouts[] | undefined> {
  try {
    const bytes = await new DirectoryBucket(join(root, ownDirectory)).get(fileName)
    return decode(new TextDecoder().decode(bytes))
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return undefined
    if (error instanceof SyntaxError) return []
    throw error
  }
}

function decode(text: string): Whereabouts[] {
  const { format, places } = (JSON.parse(text) ?? {}) as Record<string, unknown>
  if (format !== 'tidemark place' || !Array.isArray(places)) return []
  return places.slice(0, mostKept).filter(isWhereabouts)
}

function isWhereabouts(value: unknown): value is Whereabouts {
  const { device, ...place } = (value ?? {}) as Record<string, unknown>
  return (
    typeof device === 'string' &&
    isRandomId(device) &&
    ['machine', 'path', 'inode', 'born'].every((key) => typeof place[key] === 'string')
  )
}
