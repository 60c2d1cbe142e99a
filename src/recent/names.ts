import type { Name } from '../bytes/name.ts'

/** What an index file's name tells. */
export interface IndexName {
  /** RECENT, mostly. */
  readonly root: string
  readonly interval: string
  /** `.yaml`… */
  readonly suffix: string
}

/** YAML, JSON, and two that only the Perl programs read: Storable and Data::Dumper. */
const indexName = /^(.+)-([0-9]*[smhdWMQYZ])(\.(?:yaml|json|sto|dd))$/s

/** `RECENT-1h.yaml`. */
export function nameOfIndex({ root, interval, suffix }: IndexName): string {
  return `${root}-${interval}${suffix}`
}

/** Undefined for what is no name of an index file. */
export function parseIndexName(name: string): IndexName | undefined {
  const match = indexName.exec(name)
  if (match === null) return undefined
  return { root: match[1]!, interval: match[2]!, suffix: match[3]! }
}

/** The link (or copy) that leads to the principal, the shortest index file. */
export function nameOfPrincipalLink(root: string): string {
  return `${root}.recent`
}

export function nameOfHead(root: string): string {
  return `${root}.head`
}

export function nameOfSketch(root: string): string {
  return `${root}.sketch`
}

/** The directory of our bookkeeping, in the root of a tree. */
export const ownDirectory = '.tidemark'

const ownPart = /^(?:\.FRMRecent-.*|\.tidemark-.*~)$/s

/**
 * True for what is never listed nor mirrored, whatever the root of index names: our bookkeeping, and
 * unfinished files of ours and of the Perl programs'.
 */
export function isOwnPath(path: Name): boolean {
  if (path === ownDirectory || path.startsWith(`${ownDirectory}/`)) return true
  return path.includes('.FRMRecent-') || path.includes('.tidemark-')
    ? path.split('/').some((part) => ownPart.test(part))
    : false
}

/** True for an index file in the root of the tree, its lock, its unfinished form, or what stands beside it. */
export function isIndexPath(path: Name, root: string): boolean {
  if (!path.startsWith(root)) return false
  const rest = path.slice(root.length)
  return (
    /^-[0-9]*[smhdWMQYZ]\.(?:yaml|json|sto|dd)(?:\.new|\.lock(?:\/.*)?)?$/s.test(rest) ||
    /^\.(?:recent|head|sketch)(?:\.[0-9]+|\.new)?$/.test(rest)
  )
}
