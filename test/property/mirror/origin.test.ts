import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Origin } from '../../../src/mirror/origin/origin.ts'
import { fuzz } from '../../suites/arbitraries.ts'
import { checkComplete, checkedHead } from '../../suites/published.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const places = ['a', 'b', 'a/x', 'a/y', 'b/x', 'a/x/1', 'a/x/2', 'a/y/1', 'b/x/1', 'c']
const place = fc.constantFrom(...places)
const edit = fc.oneof(
  fc.record({ do: fc.constant('write' as const), at: place, content: fc.string({ maxLength: 4 }) }),
  fc.record({ do: fc.constant('mkdir' as const), at: place }),
  fc.record({ do: fc.constant('remove' as const), at: place }),
  fc.record({ do: fc.constant('link' as const), at: place }),
  fc.record({ do: fc.constant('move' as const), at: place, to: place }),
  fc.record({ do: fc.constant('chmod' as const), at: place, mode: fc.constantFrom(0o700, 0o755, 0o644) }),
)
const step = fc.record({
  edits: fc.array(edit, { maxLength: 4 }),
  next: fc.constantFrom(
    'partly' as const,
    'partly' as const,
    'everything' as const,
    'aggregate' as const,
    'restart' as const,
  ),
})

type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

/** Edits as they come: what cannot be done is not done. */
function doEdit(tree: string, one: Edit): void {
  const path = join(tree, one.at)
  try {
    if (one.do === 'write') writeFileSync(path, one.content)
    else if (one.do === 'mkdir') mkdirSync(path, { recursive: true })
    else if (one.do === 'remove') rmSync(path, { recursive: true })
    else if (one.do === 'link') symlinkSync(`no/such/${one.at}`, path)
    else if (one.do === 'chmod') chmodSync(path, one.mode | 0o700)
    else renameSync(path, join(tree, one.to))
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error)
  }
}

/** What a watcher tells of: the entry, in its directory. */
function touched(edits: readonly Edit[]): Map<string, Set<string>> {
  const where = new Map<string, Set<string>>()
  for (const one of edits)
    for (const path of 'to' in one ? [one.at, one.to] : [one.at]) {
      // Directories made on the way are told of in theirs.
      for (let at = path; at !== '.'; at = dirname(at)) {
        const directory = dirname(at) === '.' ? '' : dirname(at)
        where.set(directory, (where.get(directory) ?? new Set()).add(at.slice(at.lastIndexOf('/') + 1)))
      }
    }
  return where
}

test('whatever is done to a tree, and whichever part of it is looked at: the index tells all of it', async (t) => {
  const parent = memoryDirectory(t)
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const tree = join(parent, `${runs++}`)
      mkdirSync(tree)
      writeFileSync(join(tree, 'first'), 'first')
      let origin = await Origin.open(tree, { intervals: ['1s', '5s', 'Z'] })
      try {
        await origin.check()
        for (const { edits, next } of steps) {
          for (const one of edits) doEdit(tree, one)
          if (next === 'restart') {
            origin.close()
            origin = await Origin.open(tree)
          }
          const report = await origin.check(next === 'partly' ? touched(edits) : 'everything')
          assert.deepEqual(report.unstable, [])
          if (next === 'aggregate') await origin.aggregate({ force: true })
          checkComplete(tree)
          checkedHead(tree)
        }
      } finally {
        origin.close()
        rmSync(tree, { recursive: true, force: true })
      }
    }),
    { numRuns: 60 * fuzz },
  )
})
