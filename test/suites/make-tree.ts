import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { nameToBytes, type Name } from '../../src/bytes/name.ts'
import { makeDevice, makeFifo, makeSocket } from '../../src/folder/system/nodes.ts'
import { setTimes } from '../../src/folder/system/times.ts'
import { writeXattrs } from '../../src/folder/system/xattrs.ts'
import { canHaveXattrs, walkAny, type AnyNode } from './any-tree.ts'

/** Makes the files of `tree` in the directory `root`, which is there, with all their metadata; its own included. */
export function makeTree(root: string, tree: AnyNode): void {
  const made: { path: Buffer; node: AnyNode }[] = []
  walkAny(tree, (path, { node, link }) => {
    const at = place(root, path)
    if (link !== undefined) {
      linkSync(place(root, link), at)
      return
    }
    if (path !== '') make(at, node)
    made.push({ path: at, node })
  })
  // From the bottom up: what is made in a directory changes its time.
  for (const { path, node } of made.toReversed()) dress(path, node)
}

function place(root: string, path: Name): Buffer {
  return Buffer.concat([Buffer.from(path === '' ? root : `${root}/`), nameToBytes(path)])
}

function make(path: Buffer, node: AnyNode): void {
  switch (node.kind) {
    case 'directory':
      mkdirSync(path)
      return
    case 'file':
      return makeFile(path, node)
    case 'symlink':
      return symlinkSync(Buffer.from(nameToBytes(node.target)), path)
    case 'fifo':
      return makeFifo(path, node.mode)
    case 'socket':
      return makeSocket(path, node.mode)
    case 'character-device':
    case 'block-device': {
      const kind = node.kind === 'block-device' ? 'block' : 'character'
      return makeDevice(path, kind, node.mode, { major: 1, minor: node.minor })
    }
  }
}

function makeFile(path: Buffer, { pieces }: AnyNode): void {
  const file = openSync(path, 'wx')
  try {
    let at = 0
    for (const { hole, length, byte } of pieces) {
      if (!hole) writeSync(file, Buffer.alloc(length, byte), 0, length, at)
      at += length
    }
    ftruncateSync(file, at)
  } finally {
    closeSync(file)
  }
}

/** Owner before attributes and mode, which a change of owner takes away in part; the time last. */
function dress(path: Buffer, node: AnyNode): void {
  lchownSync(path, node.uid, node.gid)
  if (canHaveXattrs(node)) {
    const [problem] = writeXattrs(path, node.xattrs, [])
    if (problem) throw problem.error
  }
  if (node.kind !== 'symlink') chmodSync(path, node.mode)
  setTimes(path, node.mtimeNs)
}
