import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import * as fc from 'fast-check'
import { seededRandom } from './random.ts'

/** One thing done to a folder. `seed` decides to which of its paths, and with what. */
export interface Edit {
  readonly action: Action
  readonly seed: number
}

export const actions = [
  'write',
  'overwrite',
  'append',
  'truncate',
  'make directory',
  'rename',
  'swap',
  'put aside',
  'bring back',
  'remove',
  'link',
  'symlink',
  'mode',
  'time',
] as const

export type Action = (typeof actions)[number]

export const anyEdits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({ action: fc.constantFrom(...actions), seed: fc.nat() }),
  { minLength: 1, maxLength: 6 },
)

/** Where `put aside` puts things: beside the folder, so that they can come back as they were. */
const aside = (root: string): string => `${root}-aside`

/** Does it as well as it can be done: what the folder has no path for is left undone. */
export function doEdit(root: string, { action, seed }: Edit): void {
  const random = seededRandom(seed)
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const paths = pathsIn(root)
  const all = paths.map(({ path }) => path)
  const directories = [root, ...paths.filter(({ kind }) => kind === 'directory').map(({ path }) => path)]
  const files = paths.filter(({ kind }) => kind === 'file').map(({ path }) => path)
  const fresh = (): string => `${pick(directories)!}/${pick(['a', 'b', 'c', 'd', 'e', 'f'])!}`
  const bytes = (): Buffer =>
    Buffer.alloc(Math.floor(random() ** 6 * 400_000), `${Math.floor(random() * 10)}`)
  const chosen = pick(all)
  const file = pick(files)
  const target = fresh()
  switch (action) {
    case 'write':
      return replace(target, () => writeFileSync(target, bytes()))
    case 'overwrite':
      return file === undefined ? undefined : writeFileSync(file, bytes(), { flag: 'r+' })
    case 'append':
      return file === undefined ? undefined : appendFileSync(file, bytes())
    case 'truncate':
      return file === undefined ? undefined : truncateSync(file, Math.floor(random() * 100_000))
    case 'make directory':
      return replace(target, () => mkdirSync(target))
    case 'rename':
      if (
        chosen !== undefined &&
        !`${target}/`.startsWith(`${chosen}/`) &&
        !`${chosen}/`.startsWith(`${target}/`)
      )
        replace(target, () => renameSync(chosen, target))
      return
    case 'swap':
      return swap(chosen, pick(all))
    case 'put aside':
      if (chosen !== undefined) {
        mkdirSync(aside(root), { recursive: true })
        renameSync(chosen, `${aside(root)}/${readdirSync(aside(root)).length}`)
      }
      return
    case 'bring back':
      return bringBack(root, target)
    case 'remove':
      return chosen === undefined ? undefined : rmSync(chosen, { recursive: true })
    case 'link':
      return file === undefined || file === target || file.startsWith(`${target}/`)
        ? undefined
        : replace(target, () => linkSync(file, target))
    case 'symlink':
      return replace(target, () => symlinkSync('a', target))
    case 'mode':
      return file === undefined ? undefined : chmodSync(file, Math.floor(random() * 0o1000))
    case 'time':
      return chosen === undefined || lstatSync(chosen).isSymbolicLink()
        ? undefined
        : utimesSync(chosen, 0, Math.floor(random() * 2e9))
  }
}

function replace(target: string, make: () => void): void {
  rmSync(target, { recursive: true, force: true })
  make()
}

/** Two paths change places, whatever they are. */
function swap(a: string | undefined, b: string | undefined): void {
  if (a === undefined || b === undefined || `${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`)) return
  renameSync(a, `${a}-swapped`)
  renameSync(b, a)
  renameSync(`${a}-swapped`, b)
}

/** What was put aside last comes back, now and then to the place that the first path has. */
function bringBack(root: string, target: string): void {
  let names: string[]
  try {
    names = readdirSync(aside(root)).toSorted((a, b) => Number(a) - Number(b))
  } catch {
    return
  }
  const last = names.at(-1)
  if (last !== undefined) replace(target, () => renameSync(`${aside(root)}/${last}`, target))
}

interface Found {
  readonly path: string
  readonly kind: 'file' | 'directory' | 'other'
}

function pathsIn(root: string): Found[] {
  const found: Found[] = []
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.name === '.tidemark') continue
    const path = `${root}/${entry.name}`
    found.push({ path, kind: entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : 'other' })
    if (entry.isDirectory()) found.push(...pathsIn(path))
  }
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
