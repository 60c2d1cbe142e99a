/** What was done so far. */
export interface Done {
  /** Files that came from the origin, and their bytes. */
  files: number
  bytes: number
  /** Files whose content was here already, under this name or another. */
  found: number
  moved: number
  links: number
  directories: number
  deleted: number
  /** By how many items there are more than before. */
  more: number
  /** Items that were set aside. */
  aside: number
}

export function nothingDone(): Done {
  return { files: 0, bytes: 0, found: 0, moved: 0, links: 0, directories: 0, deleted: 0, more: 0, aside: 0 }
}
