import { corrupt, TidemarkError } from '../errors.ts'
import type { Name } from '../bytes/name.ts'

/** What of a folder that it shares with others a copy holds. */
export interface Held {
  /** Paths of the sub-trees that are here; undefined for all. */
  readonly selected: readonly Name[] | undefined
  /** Paths of its tree that are to be here and are not: what could not be made, for one. They were not deleted. */
  readonly absent: readonly Name[]
}

/** All of a folder is here. */
export const heldWhole: Held = { selected: undefined, absent: [] }

export const heldName = 'held.json'

export function encodeHeld({ selected, absent }: Held): Uint8Array {
  const document = {
    format: 'tidemark held',
    version: 1,
    selected,
    absent: absent.length === 0 ? undefined : absent,
  }
  return new TextEncoder().encode(`${JSON.stringify(document, undefined, 2)}\n`)
}

/** Throws `corrupt`, or `unsupported` for that of a newer program. */
export function decodeHeld(bytes: Uint8Array): Held {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new TidemarkError('corrupt', `${heldName}: not a JSON document`, { cause: error })
  }
  const { format, version, selected, absent = [] } = (value ?? {}) as Record<string, unknown>
  if (format !== 'tidemark held') throw corrupt(heldName, 'does not say what is held')
  if (version !== 1)
    throw new TidemarkError('unsupported', `${heldName}: made by a newer Tidemark: update this one`)
  if (!isPaths(absent)) throw corrupt(heldName, 'bad list of what is absent')
  if (selected !== undefined && !isPaths(selected)) throw corrupt(heldName, 'bad list of what is selected')
  return { selected, absent }
}

function isPaths(value: unknown): value is Name[] {
  return Array.isArray(value) && value.every((path) => typeof path === 'string')
}

/** Whether a path is in one of the sub-trees that are selected, or leads to one of them. */
export function selectedBy({
  selected,
}: Pick<Held, 'selected'>): ((path: Name, isDirectory: boolean) => boolean) | undefined {
  if (selected === undefined || selected.includes('')) return undefined
  const [within, onTheWay] = [new Set(selected), new Set<Name>()]
  for (const path of selected) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
      onTheWay.add(path.slice(0, at))
  }
  return (path, isDirectory) => {
    if (isDirectory && onTheWay.has(path)) return true
    for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1))
      if (within.has(path.slice(0, at))) return true
    return false
  }
}
