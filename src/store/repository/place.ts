import { idToHex } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import { idFromHex } from '../../object/id.ts'

/** Where things stand in a repository's bucket. See docs/format/repository.md. */
export const configName = 'config'
export const packPrefix = 'packs/'
export const segmentPrefix = 'index/'
export const snapshotPrefix = 'snapshots/'
export const leasePrefix = 'leases/'
export const condemnedPrefix = 'condemned/'
export const repairPrefix = 'repairs/'
export const pinPrefix = 'pins/'
export const timelinePrefix = 'timelines/'

/** Packs are many: they are spread over 256 directories. */
export function packName(id: Id): string {
  const hex = idToHex(id)
  return `${packPrefix}${hex.slice(0, 2)}/${hex}`
}

export function segmentName(id: Id): string {
  return segmentPrefix + idToHex(id)
}

export function snapshotName(id: Id): string {
  return snapshotPrefix + idToHex(id)
}

/** The id in the last part of a name; undefined for a file that is not ours. */
export function idInName(name: string): Id | undefined {
  return idFromHex(name.slice(name.lastIndexOf('/') + 1))
}
