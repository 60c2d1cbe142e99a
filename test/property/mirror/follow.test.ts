import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'
import { contentsOf, TestOrigin, type OriginKind } from '../../suites/test-origin.ts'

const runs = 25 * Number(process.env['TIDEMARK_FUZZ'] ?? 1)

type Step =
  | {
      readonly do: 'write' | 'link' | 'delete'
      readonly path: string
      readonly content: string
    }
  | { readonly do: 'move'; readonly path: string; readonly to: string }
  | { readonly do: 'dirty'; readonly path: string; readonly ago: number }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'flush' | 'aggregate' | 'force' }
  | { readonly do: 'follow'; readonly which: number; readonly restart: boolean }

/** Few names, so that things meet: files become directories and the other way round. */
const path = fc
  .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), path, content: fc.string({ maxLength: 5 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      path,
      content: fc.constantFrom('a', '../b', '/etc'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), path, content: fc.constant('') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), path, to: path }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('dirty' as const), path, ago: fc.integer({ min: 1, max: 1000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 100 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'aggregate' as const, 'force' as const) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('follow' as const), which: fc.nat(2), restart: fc.boolean() }),
  },
)

const kinds: readonly OriginKind[] = [{ head: true }, { head: true, suffix: '.json' }, { details: false }, {}]

/** Three mirrors in a row, each of the one before it. */
class Cascade {
  readonly #directory: string
  readonly #sources: readonly string[]
  readonly #mirrors: (Mirror | undefined)[] = [undefined, undefined, undefined]
  #now = 1e12

  constructor(directory: string, origin: string) {
    this.#directory = directory
    this.#sources = [origin, this.root(0), this.root(1)]
  }

  root(which: number): string {
    return join(this.#directory, `mirror-${which}`)
  }

  async follow(which: number, restart: boolean): Promise<void> {
    if (which > 0 && this.#mirrors[which - 1] === undefined) return
    if (restart) await this.close(which)
    // Whatever was set aside is due.
    this.#now += 1e9
    this.#mirrors[which] ??= new Mirror({
      source: { kind: 'directory', base: this.#sources[which]!, principal: undefined },
      directory: this.root(which),
      signal: new AbortController().signal,
      now: () => this.#now,
    })
    await this.#mirrors[which].catchUp()
  }

  async close(which: number): Promise<void> {
    await this.#mirrors[which]?.close()
    this.#mirrors[which] = undefined
  }

  async closeAll(): Promise<void> {
    for (const which of [0, 1, 2]) await this.close(which)
  }
}

function act(origin: TestOrigin, step: Exclude<Step, { do: 'follow' }>): void {
  if (step.do === 'write') origin.write(step.path, step.content)
  else if (step.do === 'link') origin.link(step.path, step.content)
  else if (step.do === 'delete') origin.delete(step.path)
  else if (step.do === 'move') origin.move(step.path, step.to)
  else if (step.do === 'wait') origin.wait(step.seconds)
  else if (step.do === 'dirty') origin.dirty(step.path, 'dirty', step.ago)
  else if (step.do === 'flush') origin.flush()
  else origin.aggregate(step.do === 'force')
}

for (const kind of kinds) {
  test(`whatever happens, a mirror that is complete is what the origin is: ${JSON.stringify(kind)}`, async (t) => {
    const top = memoryDirectory(t)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const directory = mkdtempSync(join(top, 'run-'))
        mkdirSync(join(directory, 'origin'))
        const origin = new TestOrigin(join(directory, 'origin'), kind)
        const cascade = new Cascade(directory, origin.root)
        const compare = (which: number): void => {
          const exact = kind.details !== false
          assert.deepEqual(
            contentsOf(cascade.root(which), { exact }),
            contentsOf(origin.root, { exact }),
            `mirror ${which}`,
          )
        }
        try {
          for (const step of steps) {
            if (step.do !== 'follow') {
              act(origin, step)
              continue
            }
            // What an origin has not told of yet nobody can know.
            if (step.which === 0) origin.flush()
            await cascade.follow(step.which, step.restart)
            if (step.which === 0) compare(0)
          }
          origin.flush()
          for (const which of [0, 1, 2]) {
            await cascade.follow(which, false)
            compare(which)
          }
        } finally {
          await cascade.closeAll()
          rmSync(directory, { recursive: true })
        }
      }),
      { numRuns: runs },
    )
  })
}
