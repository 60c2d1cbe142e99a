import { readFileSync, writeFileSync } from 'node:fs'
import { toHex } from '../src/bytes/hex.ts'
import { Writer } from '../src/bytes/writer.ts'
import { buildContent } from '../src/object/content.ts'
import type { DirectoryEntry, Entry, FileEntry } from '../src/object/entry.ts'
import { encodeEntry } from '../src/object/entry-codec.ts'
import { idOf, idToHex, type Id } from '../src/object/id.ts'
import { encodeSnapshot } from '../src/object/snapshot.ts'
import { buildLeaves, buildNodes } from '../src/object/tree.ts'

/**
 * The byte examples of docs/format/object.md, made by the codecs themselves. Run as a program it puts them
 * into the document, between `<!-- example NAME -->` and the end of the code block that follows; a test
 * checks that what stands there is still right.
 */
const documentPath = new URL('../docs/format/object.md', import.meta.url)

/** How many bytes a field has, and what it is. */
type Field = readonly [length: number, meaning: string]

function dump(bytes: Uint8Array, fields: readonly Field[]): string {
  const lines: string[] = []
  let at = 0
  for (const [length, meaning] of fields) {
    const hex = toHex(bytes.subarray(at, at + length))
    const parts = hex.match(/.{1,64}/g) ?? ['']
    for (const [n, part] of parts.entries())
      lines.push(`${part.padEnd(66)}${n === 0 ? meaning : ''}`.trimEnd())
    at += length
  }
  if (at !== bytes.length) throw new Error(`fields of ${at} bytes for an example of ${bytes.length}`)
  lines.push('', `${bytes.length} bytes, id ${idToHex(idOf(bytes))}`)
  return lines.join('\n')
}

const hello = new TextEncoder().encode('hello\n')
const helloId = idOf(hello)
const common = {
  uid: 1000,
  gid: 100,
  mtimeNs: 1_795_219_200_123_456_789n,
  link: undefined,
  unreadable: false,
}
const file: FileEntry = {
  ...common,
  kind: 'file',
  name: 'hello.txt',
  mode: 0o644,
  xattrs: [],
  size: 6,
  content: { depth: 0, id: helloId },
  unstable: false,
}
const linked: FileEntry = {
  ...file,
  name: 'héllo',
  xattrs: [{ name: 'user.lang', value: new TextEncoder().encode('en') }],
  link: 'hello.txt',
}

function entryBytes(entry: Entry): Uint8Array {
  const writer = new Writer()
  encodeEntry(writer, entry)
  return writer.finish()
}

function keep(nodes: Uint8Array[]): (bytes: Uint8Array) => Id {
  return (bytes) => {
    nodes.push(bytes)
    return idOf(bytes)
  }
}

const entryFields = (name: string): Field[] => [
  [1, 'kind and flags'],
  [1, `length of the name: ${new TextEncoder().encode(name).length}`],
  [new TextEncoder().encode(name).length, JSON.stringify(name)],
  [2, 'mode 0644'],
  [2, 'uid 1000'],
  [1, 'gid 100'],
  [8, 'mtime 2026-11-21 00:00:00.123456789 UTC'],
  [1, 'size 6'],
  [1, 'content: depth 0'],
  [32, 'content: id of the chunk "hello\\n"'],
]
const linkFields: readonly Field[] = [
  [1, 'one extended attribute'],
  [10, '"user.lang"'],
  [3, '"en"'],
  [10, 'first name of the hard link: "hello.txt"'],
]

function contentExample(): string {
  const nodes: Uint8Array[] = []
  const items = [
    { length: 6, id: helloId },
    { length: 4096, id: undefined },
    { length: 6, id: helloId },
  ]
  buildContent(items, keep(nodes))
  return dump(nodes[0]!, [
    [1, 'content list'],
    [1, 'level 1'],
    [1, 'chunk of 6 bytes (2 · 6)'],
    [32, 'its id'],
    [2, 'hole of 4096 bytes (2 · 4096 + 1)'],
    [1, 'chunk of 6 bytes'],
    [32, 'its id'],
  ])
}

function leafExample(): string {
  const [leaf] = buildLeaves([file, linked])
  return dump(leaf!.bytes, [
    [1, 'leaf'],
    [entryBytes(file).length, 'entry "hello.txt", as above'],
    [entryBytes(linked).length, 'entry "héllo", as above'],
  ])
}

function nodeExample(): string {
  const nodes: Uint8Array[] = []
  const lines = [
    { id: idOf(Uint8Array.of(1)), first: 'a', count: 117 },
    { id: idOf(Uint8Array.of(2)), first: 'n', count: 130 },
  ]
  buildNodes(lines, keep(nodes))
  return dump(nodes[0]!, [
    [1, 'node'],
    [1, 'level 1'],
    [32, 'id of the first leaf'],
    [1, 'entries in it: 117'],
    [2, 'its first name, "a"'],
    [32, 'id of the second leaf'],
    [2, 'entries in it: 130'],
    [2, 'its first name, "n"'],
  ])
}

function snapshotExample(): string {
  const [leaf] = buildLeaves([file, linked])
  const root: DirectoryEntry = {
    ...common,
    kind: 'directory',
    name: '',
    mode: 0o755,
    xattrs: [],
    size: 12,
    count: 2,
    content: { depth: 0, id: idOf(leaf!.bytes) },
  }
  const bytes = encodeSnapshot({
    folder: '00112233445566778899aabbccddeeff',
    device: 'ffeeddccbbaa99887766554433221100',
    host: 'laptop',
    path: '/home/ada/notes',
    time: 1_795_219_201_500,
    parents: [idOf(Uint8Array.of(3))],
    clock: [
      { device: '00112233445566778899aabbccddeeff', count: 7, id: idOf(Uint8Array.of(3)) },
      { device: 'ffeeddccbbaa99887766554433221100', count: 300, id: undefined },
    ],
    root,
    message: 'first',
    tags: ['kept'],
    unreadable: 0,
    unstable: 0,
    program: 'tidemark 0.1.0',
    contents: true,
  })
  return dump(bytes, [
    [1, 'snapshot with a clock'],
    [1, 'contents are kept'],
    [33, 'folder'],
    [33, 'device'],
    [7, 'host "laptop"'],
    [16, 'path "/home/ada/notes"'],
    [6, 'time 2026-11-21 00:00:01.500 UTC'],
    [1, 'one parent'],
    [32, 'its id'],
    [1, 'root: a directory with content'],
    [1, 'root: no name'],
    [2, 'root: mode 0755'],
    [2, 'root: uid 1000'],
    [1, 'root: gid 100'],
    [8, 'root: mtime'],
    [1, 'root: size 12'],
    [1, 'root: 2 entries below'],
    [1, 'root: content depth 0'],
    [32, 'root: id of the leaf above'],
    [6, 'message "first"'],
    [1, 'one tag'],
    [5, '"kept"'],
    [1, 'unreadable: 0'],
    [1, 'unstable: 0'],
    [15, 'program "tidemark 0.1.0"'],
    [1, 'a clock of two devices'],
    [16, 'another device'],
    [1, 'its snapshot number 7'],
    [1, 'is another'],
    [32, 'with this id'],
    [16, 'the device that took this one'],
    [2, 'its snapshot number 300'],
    [1, 'is this one'],
  ])
}

/** Each example by the name it has in the document. */
export function examples(): ReadonlyMap<string, string> {
  return new Map([
    ['chunk', dump(hello, [[6, 'the bytes themselves']])],
    ['content-list', contentExample()],
    ['entry', dump(entryBytes(file), entryFields('hello.txt'))],
    ['entry-link', dump(entryBytes(linked), [...entryFields('héllo'), ...linkFields])],
    ['leaf', leafExample()],
    ['node', nodeExample()],
    ['snapshot', snapshotExample()],
  ])
}

/** The document with each example replaced by `found`; throws when one of them has no place in it. */
export function withExamples(document: string, found: ReadonlyMap<string, string>): string {
  for (const [name, text] of found) {
    const start = document.indexOf(`<!-- example ${name} -->`)
    const block = /```\n[^]*?```/.exec(document.slice(start))
    if (start < 0 || block === null) throw new Error(`no place for the example ${name}`)
    const at = start + block.index
    document = `${document.slice(0, at)}\`\`\`\n${text}\n\`\`\`${document.slice(at + block[0].length)}`
  }
  return document
}

export function readDocument(): string {
  return readFileSync(documentPath, 'utf8')
}

if (import.meta.main) writeFileSync(documentPath, withExamples(readDocument(), examples()))
