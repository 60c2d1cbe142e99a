import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { seededRandom } from '../../suites/random.ts'
import { copiesAt, syncCopies } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { startVictim } from '../../suites/victim.ts'

const rounds = Math.ceil(6 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
const noGuard = { guard: { maxVanishing: 1 } }
const script = new URL('syncing-process.ts', import.meta.url)

function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('.tidemark') && statSync(join(root, path)).isFile())
    .toSorted()
}

function contentsIn(root: string): Map<string, string> {
  return new Map(filesIn(root).map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

let token = 0

/** Writes, moves and deletes files; returns what was written and still stands. */
function edit(root: string, random: () => number): void {
  const files = filesIn(root)
  const pick = (): string => files[Math.floor(random() * files.length)] ?? 'f0'
  for (let n = 0; n < 60; n++) {
    const path = random() < 0.5 ? `d${Math.floor(random() * 6)}/f${Math.floor(random() * 20)}` : pick()
    const action = random()
    try {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      if (action < 0.7) writeFileSync(join(root, path), `${token++} ${'x'.repeat(random() ** 8 * 200_000)}`)
      else if (action < 0.85) renameSync(join(root, path), join(root, pick()))
      else rmSync(join(root, path), { force: true })
    } catch {
      // The path is taken by something else, or is gone.
    }
  }
}

/** Syncs in a process of its own that is killed when it has written so many files. */
async function killAmid(roots: readonly string[], files: number): Promise<void> {
  const { ended } = startVictim(script, [...roots, String(files)])
  assert.equal(await ended, 'SIGKILL', 'it had so many files to write')
}

/** The same, killed at some moment, whatever it is at. */
async function killSometime(roots: readonly string[], random: () => number): Promise<void> {
  const { child, begun, ended } = startVictim(script, roots)
  await begun
  await setTimeout(random() ** 3 * 60)
  child.kill('SIGKILL')
  await ended
}

async function run(t: TestContext, history: 'kept' | 'none'): Promise<void> {
  const place = temporaryDirectory(t)
  const roots = ['one', 'two'].map((name) => join(place, name))
  const random = seededRandom(history.length)
  for (const copy of await copiesAt(roots, history)) await copy.close()
  for (let round = 0; round < rounds; round++) {
    const before = new Set(roots.flatMap((root) => [...contentsIn(root).values()]))
    for (const root of roots) edit(root, random)
    const written = roots
      .flatMap((root) => [...contentsIn(root).values()])
      .filter((text) => !before.has(text))
    await killAmid(roots, 1 + Math.floor(random() * 5))
    for (let n = 0; n < 2; n++) await killSometime(roots, random)
    const [one, two] = await copiesAt(roots, history)
    const { done } = await syncCopies(one!, two!, noGuard)
    assert.ok(done)
    const [first, second] = roots.map(contentsIn)
    assert.deepEqual(first, second)
    const left = new Set(first!.values())
    for (const text of written) assert.ok(left.has(text), `what was written is gone: ${text.slice(0, 20)}`)
    await one!.close()
    await two!.close()
  }
}

suite('a sync that is killed', () => {
  for (const history of ['kept', 'none'] as const) {
    test(`loses nothing that was written, and is taken up again (history ${history})`, (t) => run(t, history))
  }
})
