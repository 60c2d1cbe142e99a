import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { InlineIngest } from '../../../../src/folder/ingest/inline-ingest.ts'
import type { Carry } from '../../../../src/folder/scan/carry.ts'
import type { ScanMemory, ScanResult } from '../../../../src/folder/scan/scan.ts'
import { Scanner } from '../../../../src/folder/scan/scanner.ts'
import { FolderState } from '../../../../src/folder/state.ts'
import type { DirectoryEntry } from '../../../../src/object/entry.ts'
import type { Id } from '../../../../src/object/id.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import { walkTree } from '../../../../src/tree/walk.ts'
import { fuzz } from '../../../suites/arbitraries.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

/** One edit: what to do, and to which of the paths that there are or could be. */
interface Edit {
  readonly kind: (typeof kinds)[number]
  readonly at: readonly string[]
  readonly to: readonly string[]
}

const kinds = [
  'write',
  'append',
  'mkdir',
  'remove',
  'rename',
  'chmod',
  'symlink',
  'exchange',
  'deep',
] as const
const names = ['a', 'b', 'c.tmp', 'Z']

const paths = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 })
const edits: fc.Arbitrary<Edit> = fc.record({ kind: fc.constantFrom(...kinds), at: paths, to: paths })
const rounds = fc.array(
  fc.record({
    edits: fc.array(edits, { maxLength: 6 }),
    /** Scans with all that is remembered instead. */
    whole: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 6 },
)

/** Makes the edit, if it can be made, and notes which directories a watcher would tell of. */
function apply(root: string, { kind, at, to }: Edit, dirty: Set<string>): void {
  const path = join(root, ...at)
  const other = join(root, ...to)
  /** By its own path: a path may lead through symbolic links. */
  const note = (parts: readonly string[]): void => {
    const path = join(root, ...parts)
    dirty.add(existsSync(path) ? relative(root, realpathSync(path)) : parts.join('/'))
  }
  /** A watcher tells of each directory that goes. */
  const noteBelow = (parts: readonly string[]): void => {
    if (!isDirectory(join(root, ...parts))) return
    note(parts)
    for (const name of readdirSync(join(root, ...parts))) noteBelow([...parts, name])
  }
  /** What is written to, or changed, may be what a symbolic link leads to. */
  const noteTarget = (): void => {
    if (existsSync(path)) note(relative(root, join(realpathSync(path), '..')).split('/'))
  }
  const gone = new Set<string>()
  note(at.slice(0, -1))
  note(to.slice(0, -1))
  try {
    switch (kind) {
      case 'write':
        noteTarget()
        writeFileSync(path, at.join())
        break
      case 'append':
        noteTarget()
        appendFileSync(path, to.join())
        break
      case 'mkdir':
        mkdirSync(path)
        break
      case 'deep': {
        // Only of what is there already a watcher can tell.
        const parts = [...at, ...to]
        for (let depth = 0; depth <= parts.length; depth++)
          if (isDirectory(join(root, ...parts.slice(0, depth)))) note(parts.slice(0, depth))
        mkdirSync(join(root, ...parts), { recursive: true })
        writeFileSync(join(root, ...parts, 'deep'), 'x')
        break
      }
      case 'remove':
        noteBelow(at)
        rmSync(path, { recursive: true })
        break
      case 'rename':
        if (isDirectory(path)) gone.add(at.join('/'))
        renameSync(path, other)
        break
      case 'chmod':
        noteTarget()
        chmodSync(path, statSync(path).mode ^ 0o020)
        break
      case 'symlink':
        symlinkSync(to.join('/'), path)
        break
      case 'exchange': {
        const between = join(root, '..', 'between')
        renameSync(path, between)
        try {
          renameSync(other, path)
          renameSync(between, other)
        } catch {
          rmSync(between, { recursive: true })
        }
        break
      }
    }
  } catch {
    // Not possible just now: perhaps half of it was done.
  }
  for (const directory of gone) dirty.add(directory)
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

const nothing: ScanMemory = { leaves: () => [], put() {}, delete() {}, deleteBelow() {} }

/** The root has no name. */
function tidy(path: string): string {
  return path === '.' ? '' : path
}

/** A folder and what is remembered of it. */
class Bench {
  readonly store = new MemoryStore()
  readonly #root: string
  readonly #state: FolderState
  readonly #carry: Carry | undefined
  #before: DirectoryEntry | undefined

  constructor(root: string, state: FolderState, carry?: Carry) {
    this.#root = root
    this.#state = state
    this.#carry = carry
  }

  /** Scans with what is remembered; only `only`, unless that is undefined. */
  async next(only?: ReadonlySet<string>): Promise<ScanResult> {
    const result = await this.#scan(this.#state, this.#before, only)
    this.#before = result.root
    return result
  }

  scratch(): Promise<ScanResult> {
    return this.#scan(nothing, undefined, undefined)
  }

  #scan(
    memory: ScanMemory,
    before: DirectoryEntry | undefined,
    only: ReadonlySet<string> | undefined,
  ): Promise<ScanResult> {
    return new Scanner({
      root: this.#root,
      before,
      memory,
      only,
      carry: this.#carry,
      ingest: new InlineIngest(() => undefined, 64),
      put: (id: Id, bytes: Uint8Array) => this.store.put(id, bytes),
      excluded: new Set(),
      onProblem: ({ code, path, message }) => {
        if (code !== 'not-here') assert.fail(`${path}: ${message}`)
      },
    }).run()
  }

  /** All that is in the tree, for a difference that can be read. */
  async list(root: DirectoryEntry): Promise<string[]> {
    const lines = []
    for await (const { path, entry } of walkTree(this.store, root))
      lines.push(`${path} ${entry.kind} ${entry.mode.toString(8)} ${entry.mtimeNs}`)
    return lines
  }
}

async function partialEqualsWhole(root: string, state: FolderState, plan: readonly Round[]): Promise<void> {
  const bench = new Bench(root, state)
  await bench.next()
  for (const { edits, whole } of plan) {
    const dirty = new Set<string>()
    for (const edit of edits) apply(root, edit, dirty)
    const { root: tree } = await bench.next(whole ? undefined : dirty)
    const { root: expected } = await bench.scratch()
    assert.deepEqual(await bench.list(tree), await bench.list(expected))
    assert.deepEqual(tree, expected)
  }
}

type Round = typeof rounds extends fc.Arbitrary<readonly (infer T)[]> ? T : never

function check(rules: string | undefined): (t: TestContext) => Promise<void> {
  return async (t) => {
    const outside = temporaryDirectory(t)
    let run = 0
    await fc.assert(
      fc.asyncProperty(rounds, async (plan) => {
        const root = join(outside, String(run++), 'folder')
        mkdirSync(root, { recursive: true })
        if (rules !== undefined) writeFileSync(join(root, '.tidemarkignore'), rules)
        const state = FolderState.open(join(outside, `${run}.sqlite`))
        try {
          await partialEqualsWhole(root, state, plan)
        } finally {
          state.close()
          rmSync(join(root, '..'), { recursive: true })
        }
      }),
      { numRuns: Math.ceil(40 * fuzz) },
    )
  }
}

test('a scan of the dirty directories gives the tree that a scan of everything gives', check(undefined))

test('the same where rules leave things out', check('*.tmp\n/a/b/\n!/b/c.tmp\n'))

test('rules hold below directories that are only passed through', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'd'))
  writeFileSync(join(root, '.tidemarkignore'), '*.tmp')
  const state = FolderState.open(join(temporaryDirectory(t), 'state.sqlite'))
  t.after(() => state.close())
  const bench = new Bench(root, state)
  assert.equal((await bench.next()).root.count, 2)
  writeFileSync(join(root, 'd', 'left-out.tmp'), '1')
  writeFileSync(join(root, 'd', 'kept'), '1')
  assert.equal((await bench.next(new Set(['d']))).root.count, 3)
})

for (const [from, to] of [
  ['b', 'a'],
  ['b', 'c'],
  ['x/b', 'y/c'],
  ['y/b', 'x/c'],
] as const) {
  test(`what is in a directory that was moved from ${from} to ${to} is not read again`, async (t) => {
    const root = temporaryDirectory(t)
    for (const directory of ['x', 'y', `${from}/below`]) mkdirSync(join(root, directory), { recursive: true })
    for (const name of ['one', 'two', 'below/three']) writeFileSync(join(root, from, name), name)
    const state = FolderState.open(join(temporaryDirectory(t), 'state.sqlite'))
    t.after(() => state.close())
    const bench = new Bench(root, state)
    // What was written a moment ago is read again.
    while ((await bench.next()).counts.read > 0) await setImmediate()
    renameSync(join(root, from), join(root, to))
    writeFileSync(join(root, to, 'two'), 'changed')
    const { root: tree, counts } = await bench.next(new Set([dirname(from), dirname(to)].map(tidy)))
    assert.equal(counts.read, 7)
    assert.deepEqual(tree, (await bench.scratch()).root)
  })
}

test('what others have and is left out here stays where it is when its directory is moved', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'b'))
  for (const name of ['one', 'two.tmp']) writeFileSync(join(root, 'b', name), name)
  const state = FolderState.open(join(temporaryDirectory(t), 'state.sqlite'))
  t.after(() => state.close())
  const bench = new Bench(root, state, { keepsOwners: false, unfold: async () => [] })
  await bench.next()
  writeFileSync(join(root, '.tidemarkignore'), '*.tmp')
  await bench.next()
  for (const [from, to] of [
    ['b', 'a'],
    ['a', 'c'],
  ] as const) {
    renameSync(join(root, from), join(root, to))
    const { root: tree } = await bench.next(new Set(['']))
    const paths = new Set((await bench.list(tree)).map((line) => line.split(' ')[0]))
    assert.deepEqual(new Set(['b/two.tmp', `${to}/one`]).difference(paths), new Set())
    assert.ok(!paths.has(`${to}/two.tmp`))
  }
})

test('a file that has several names is told of, so that everything can be scanned', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'd'))
  writeFileSync(join(root, 'd', 'one'), '1')
  const state = FolderState.open(join(temporaryDirectory(t), 'state.sqlite'))
  t.after(() => state.close())
  const bench = new Bench(root, state)
  assert.equal((await bench.next()).linked, false)
  linkSync(join(root, 'd', 'one'), join(root, 'd', 'two'))
  assert.equal((await bench.next(new Set(['d']))).linked, true)
})

test('nothing is remembered of a directory that became something else', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'd', 'below'), { recursive: true })
  writeFileSync(join(root, 'd', 'below', 'file'), '1')
  const state = FolderState.open(join(temporaryDirectory(t), 'state.sqlite'))
  t.after(() => state.close())
  const bench = new Bench(root, state)
  await bench.next()
  assert.equal([...state.leaves('d/below')].length, 1)
  renameSync(join(root, 'd'), join(root, 'e'))
  writeFileSync(join(root, 'd'), '')
  await bench.next()
  assert.deepEqual([...state.leaves('d'), ...state.leaves('d/below')], [])
})

test('rules that cannot be read are none', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, '.tidemarkignore'))
  mkdirSync(join(root, 'd'))
  execFileSync('mkfifo', [join(root, 'd', '.tidemarkignore')])
  const state = FolderState.open(join(temporaryDirectory(t), 'state.sqlite'))
  t.after(() => state.close())
  const bench = new Bench(root, state)
  assert.equal((await bench.next()).root.count, 3)
})
