import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

/** The rooms of the house by layer; see ARCHITECTURE.md. Imports go down, or stay level below L3. */
const layers: readonly (readonly string[])[] = [
  ['bytes', 'hash', 'errors.ts', 'version.ts'],
  ['reconcile', 'object', 'recent'],
  ['store', 'folder', 'tree', 'exchange', 'mathsync'],
  ['history', 'mirror', 'stream'],
  ['sync', 'mount', 'server'],
  ['cli', 'index.ts'],
]
const source = join(import.meta.dirname, '../../src')
/** The formatter leaves these three forms only. */
const importing =
  /^(?:import|export) .*from '([^']+)'$|^\} from '([^']+)'$|import\('([^']+)'\)|^import '([^']+)'$/gm

interface Import {
  readonly from: string
  readonly to: string
}

function imports(): Import[] {
  return globSync('**/*.ts', { cwd: source }).flatMap((file) => {
    const text = readFileSync(join(source, file), 'utf8')
    return Array.from(text.matchAll(importing), (match) => ({
      from: file,
      to: match.slice(1).find((path) => path !== undefined)!,
    }))
  })
}

function roomOf(file: string): string {
  return file.split('/')[0]!
}

function layerOf(room: string): number {
  return layers.findIndex((rooms) => rooms.includes(room))
}

test('every file of src is in a room of the house', () => {
  const strangers = globSync('**/*.ts', { cwd: source }).filter((file) => layerOf(roomOf(file)) < 0)
  assert.deepEqual(strangers, [])
})

test('imports go down, or stay level, and never sideways between rooms from L3 up', () => {
  const all = imports()
  assert.ok(all.length > 100, 'hardly any import was found: the pattern must be wrong')
  const wrong = all.filter(({ from, to }) => {
    if (!to.startsWith('.')) return false
    const [own, other] = [roomOf(from), roomOf(relative(source, join(source, dirname(from), to)))]
    if (own === other) return false
    const [layer, below] = [layerOf(own), layerOf(other)]
    return below < 0 || below > layer || (below === layer && layer >= 3 && own !== 'index.ts')
  })
  assert.deepEqual(wrong, [])
})

test('L0 and L1 use nothing of Node but its hashes, and of packages a reader of YAML', () => {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    hash: ['node:crypto', 'node:zlib'],
    recent: ['yaml'],
  }
  const wrong = imports().filter(({ from, to }) => {
    if (to.startsWith('.') || layerOf(roomOf(from)) > 1) return false
    return !(allowed[roomOf(from)] ?? []).includes(to)
  })
  assert.deepEqual(wrong, [])
})
