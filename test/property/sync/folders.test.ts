import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { anyEdits, doEdit, type Edit } from '../../suites/any-edits.ts'
import { fuzz } from '../../suites/arbitraries.ts'
import { readFolder } from '../../suites/read-folder.ts'
import { copiesAt, syncCopies, type Copy } from '../../suites/synced-folders.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const noGuard = { guard: { maxVanishing: 1 } }

/** What is in a folder, by path, without Tidemark's own. */
function seen({ root }: Copy): Map<string, string> {
  const all = [...readFolder(root)].filter(([path]) => path !== '.tidemark' && !path.startsWith('.tidemark/'))
  return new Map(all)
}

/** Of each file what it holds. */
function contents(copy: Copy): Set<string> {
  return new Set(
    [...seen(copy).values()]
      .map((line) => line.split(' | '))
      .flatMap((parts) => parts[6]?.match(/^\d+ \w+$/) ?? []),
  )
}

let number = 0

async function withCopies(
  t: TestContext,
  count: number,
  history: 'kept' | 'none',
  act: (copies: readonly Copy[]) => Promise<void>,
): Promise<void> {
  const place = `${memoryDirectory(t)}/${number++}`
  const copies = await copiesAt(
    Array.from({ length: count }, (_, n) => `${place}/${n}`),
    history,
  )
  try {
    await act(copies)
  } finally {
    for (const copy of copies) await copy.close()
  }
}

const turns = fc.array(fc.tuple(fc.nat(2), anyEdits), { minLength: 1, maxLength: 5 })

suite('folders on a disk', () => {
  for (const history of ['kept', 'none'] as const) {
    test(`are the same after a sync, whatever was done to both (history ${history})`, async (t) => {
      await fc.assert(
        fc.asyncProperty(anyEdits, anyEdits, anyEdits, anyEdits, async (a, b, c, d) => {
          await withCopies(t, 2, history, async ([one, two]) => {
            const rounds: [Edit[], Edit[]][] = [
              [a, b],
              [c, d],
            ]
            for (const [first, second] of rounds) {
              for (const edit of first) doEdit(one!.root, edit)
              for (const edit of second) doEdit(two!.root, edit)
              const done = await syncCopies(one!, two!, noGuard)
              const problems = done.pulled.flatMap((pulled) => pulled.problems)
              assert.ok(done.done, JSON.stringify(problems))
              assert.deepEqual(seen(one!), seen(two!))
              // Nothing is left to do.
              const again = await syncCopies(one!, two!, noGuard)
              assert.equal(again.pulled.length, 0)
              assert.equal(again.mine.id, done.mine.id)
            }
          })
        }),
        { numRuns: 25 * fuzz },
      )
    })
  }

  test('keep what was written on either side', async (t) => {
    await fc.assert(
      fc.asyncProperty(anyEdits, anyEdits, anyEdits, async (a, b, c) => {
        await withCopies(t, 2, 'kept', async ([one, two]) => {
          for (const edit of a) doEdit(one!.root, edit)
          await syncCopies(one!, two!, noGuard)
          const before = contents(one!)
          for (const edit of b) doEdit(one!.root, edit)
          for (const edit of c) doEdit(two!.root, edit)
          const written = [...contents(one!), ...contents(two!)].filter((content) => !before.has(content))
          await syncCopies(one!, two!, noGuard)
          const left = contents(two!)
          for (const content of written) assert.ok(left.has(content), content)
        })
      }),
      { numRuns: 40 * fuzz },
    )
  })

  test('in a chain all come to be the same', async (t) => {
    await fc.assert(
      fc.asyncProperty(turns, async (turns) => {
        await withCopies(t, 3, 'kept', async (copies) => {
          const [a, b, c] = copies as [Copy, Copy, Copy]
          for (const [n, edits] of turns) {
            for (const edit of edits) doEdit(copies[n]!.root, edit)
            if (n > 0) await syncCopies(b, n === 1 ? a : c, noGuard)
          }
          for (let round = 0; round < 2; round++) {
            await syncCopies(a, b, noGuard)
            await syncCopies(b, c, noGuard)
          }
          await syncCopies(b, a, noGuard)
          assert.deepEqual(seen(a), seen(b))
          assert.deepEqual(seen(b), seen(c))
        })
      }),
      { numRuns: 20 * fuzz },
    )
  })
})
