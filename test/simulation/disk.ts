import { joinPath, splitPath } from '../../src/tree/path.ts'

/** A thing on a disk; names come and go, it stays the same. */
export type Node = FileNode | LinkNode | DirectoryNode

interface Common {
  mode: number
  mtimeNs: bigint
  /** Another number whenever anything about it has changed. */
  changed: number
  readonly inode: number
}

export interface FileNode extends Common {
  readonly kind: 'file'
  text: string
}

export interface LinkNode extends Common {
  readonly kind: 'symlink'
  readonly target: string
}

export interface DirectoryNode extends Common {
  readonly kind: 'directory'
  readonly entries: Map<string, Node>
}

/** What a path shows to whoever looks, but for the time of a directory, which follows what is done in it. */
export type Sight = string

export function sightOf(node: Node): Sight {
  const mode = node.mode.toString(8)
  switch (node.kind) {
    case 'file':
      return `file ${node.text.replaceAll('\n', ',')} ${mode} ${node.mtimeNs}`
    case 'symlink':
      return `symlink ${node.target} ${node.mtimeNs}`
    case 'directory':
      return `directory ${mode}`
  }
}

/** The lines of a sight that somebody wrote: of a file, or the target of a symlink; none of a directory. */
export function linesOf(sight: Sight | undefined): string[] {
  if (sight === undefined || isDirectory(sight)) return []
  return sight
    .split(' ')[1]!
    .split(',')
    .filter((line) => line !== '')
}

export function isDirectory(sight: Sight | undefined): boolean {
  return sight?.startsWith('directory') === true
}

/**
 * A file system in memory. Each method is one operation, as whole as a system call; what was done survives a crash.
 * Paths are as in trees, the root is ''. Times are nanoseconds, given by whoever acts.
 */
export class SimulatedDisk {
  root: DirectoryNode
  #count = 0

  constructor(now: bigint) {
    this.root = this.#directory(0o755, now)
  }

  /** The disk as it is now, to be set back to, or to be put into another machine. */
  copy(): SimulatedDisk {
    const copy = new SimulatedDisk(0n)
    copy.#count = this.#count
    copy.root = copyOf(this.root) as DirectoryNode
    return copy
  }

  at(path: string): Node | undefined {
    let node: Node | undefined = this.root
    for (const name of splitPath(path)) node = node?.kind === 'directory' ? node.entries.get(name) : undefined
    return node
  }

  directory(path: string): DirectoryNode | undefined {
    const node = this.at(path)
    return node?.kind === 'directory' ? node : undefined
  }

  /** Names in order. */
  names(path: string): string[] {
    return [...(this.directory(path)?.entries.keys() ?? [])].toSorted()
  }

  /** All paths but the root, a directory before what is in it. */
  paths(from = ''): string[] {
    return this.names(from).flatMap((name) => {
      const path = joinPath(from, name)
      return [path, ...this.paths(path)]
    })
  }

  /** What every path shows. */
  sights(): Map<string, Sight> {
    return new Map(this.paths().map((path) => [path, sightOf(this.at(path)!)]))
  }

  /** A file that has no name yet. */
  newFile(text: string, mode: number, mtimeNs: bigint): FileNode {
    return { kind: 'file', text, mode, mtimeNs, ...this.#new() }
  }

  newLink(target: string, mtimeNs: bigint): LinkNode {
    return { kind: 'symlink', target, mode: 0o777, mtimeNs, ...this.#new() }
  }

  /** Gives a thing a name, instead of whatever has it. False when there is no such directory. */
  place(path: string, node: Node, now: bigint): boolean {
    const [parent, name] = this.#parent(path)
    if (parent === undefined) return false
    parent.entries.set(name, node)
    this.#touch(parent, now)
    return true
  }

  makeDirectory(path: string, mode: number, now: bigint): boolean {
    return this.at(path) === undefined && this.place(path, this.#directory(mode, now), now)
  }

  /** Writes into the file that is there. */
  write(path: string, text: string, now: bigint): boolean {
    const node = this.at(path)
    if (node?.kind !== 'file') return false
    node.text = text
    this.#touch(node, now)
    return true
  }

  setMode(path: string, mode: number): void {
    const node = this.at(path)!
    node.mode = mode
    node.changed = ++this.#count
  }

  setTime(path: string, mtimeNs: bigint): void {
    this.#touch(this.at(path)!, mtimeNs)
  }

  /** Takes away a name, and what is below it. */
  remove(path: string, now: bigint): boolean {
    const [parent, name] = this.#parent(path)
    if (parent?.entries.delete(name) !== true) return false
    this.#touch(parent, now)
    return true
  }

  /** Instead of whatever is at `to`, which is not above `from`. False when either cannot be. */
  rename(from: string, to: string, now: bigint): boolean {
    const node = this.at(from)
    const [parent, name] = this.#parent(to)
    if (node === undefined || parent === undefined || overlap(from, to)) return false
    this.remove(from, now)
    parent.entries.set(name, node)
    node.changed = ++this.#count
    this.#touch(parent, now)
    return true
  }

  #parent(path: string): [DirectoryNode | undefined, string] {
    const slash = path.lastIndexOf('/')
    return [this.directory(path.slice(0, Math.max(0, slash))), path.slice(slash + 1)]
  }

  #touch(node: Node, now: bigint): void {
    node.mtimeNs = now
    node.changed = ++this.#count
  }

  #directory(mode: number, now: bigint): DirectoryNode {
    return { kind: 'directory', entries: new Map(), mode, mtimeNs: now, ...this.#new() }
  }

  #new(): { changed: number; inode: number } {
    const inode = ++this.#count
    return { changed: inode, inode }
  }
}

/** Whether one of the paths is the other, or in it. */
export function overlap(a: string, b: string): boolean {
  return `${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`)
}

function copyOf(node: Node): Node {
  if (node.kind !== 'directory') return { ...node }
  return { ...node, entries: new Map([...node.entries].map(([name, child]) => [name, copyOf(child)])) }
}
