import { displayName, type Name } from '../bytes/name.ts'
import { corrupt } from '../errors.ts'
import { isEpoch } from './epoch.ts'
import type { RecentEvent } from './event.ts'

/** An event from the values of its keys; throws `corrupt`, naming the entry, for what is none. */
export function eventOf(
  number: number,
  { epoch, path, type, detail }: { readonly [Key in keyof RecentEvent]-?: Name | undefined },
): RecentEvent {
  if (path === undefined) throw fail(number, undefined, 'it has no path')
  if (epoch === undefined || !isEpoch(epoch)) throw fail(number, path, 'its epoch is no decimal number')
  if (type !== 'new' && type !== 'delete') throw fail(number, path, 'its type is neither new nor delete')
  return detail === undefined ? { epoch, path, type } : { epoch, path, type, detail }
}

/** The same from a map of keys as a document has it. */
export function eventOfMap(number: number, map: unknown): RecentEvent {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw fail(number, undefined, 'it is no map')
  }
  const own = (key: string): string | undefined => {
    const value: unknown = Object.getOwnPropertyDescriptor(map, key)?.value
    return typeof value === 'string' ? value : undefined
  }
  return eventOf(number, {
    epoch: own('epoch'),
    path: own('path'),
    type: own('type'),
    detail: own('Tidemark'),
  })
}

export function fail(number: number, path: Name | undefined, problem: string): Error {
  const name = path === undefined ? `entry ${number}` : `entry ${number} "${displayName(path.slice(0, 200))}"`
  return corrupt('index', `${name}: ${problem}`)
}
